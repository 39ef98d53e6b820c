"""Options of kind mobilenet: a MobileNetV3 of EfficientAT's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from earmark.config.links import LocalPath
from earmark.config.section import Section, left_out
from earmark.config.values import Count, Positive, Share


class Train(Section):
    """Trained on the training split of the task it teaches, instead of a path."""

    steps: Count = 300
    """optimizer steps"""

    batch: int = Field(default=32, ge=2)
    """clips per step"""

    learning_rate: Positive = 0.003
    """the highest"""

    mixup: Share = 0.5
    """share of the clips that are mixed with another's spectrogram"""

    freq_mask: int = Field(default=8, ge=0)
    """mel bins masked at most"""

    time_mask: int = Field(default=16, ge=0)
    """frames masked at most"""

    save_every: Count = 50
    """steps between two saves of the state an interrupted training goes on from"""


class Options(Section):
    """A MobileNetV3 of EfficientAT's, published weights from a file or trained here."""

    path: LocalPath | None = left_out()
    """file of weights: a published .pt, or .safetensors with the same names"""

    source: str = ""
    """where that file is to be had, for the message when it isn't there"""

    train: Train | None = left_out()
    """trained on the training split of the task it teaches, instead of a path"""

    width: float = Field(default=1, gt=0, le=8)
    """multiple of the channels"""

    head: Literal["mlp", "fully_convolutional"] = "mlp"
    """what turns the last channels into logits"""

    strides: list[Literal[1, 2]] = Field(default=[2, 2, 2, 2], min_length=4, max_length=4)
    """of the second, fourth, seventh and thirteenth block"""

    sample_rate: int = Field(default=32000, ge=8000)
    """Hz"""

    n_fft: int = Field(default=1024, ge=64)
    """samples of the Fourier transform"""

    window: int = Field(default=800, ge=32)
    """samples"""

    hop: Count = 320
    """samples"""

    mels: int = Field(default=128, ge=8)
    """mel bins"""

    fmin: float = Field(default=0, ge=0)
    """Hz"""

    fmax: Positive | None = None
    """Hz; null: 1000 Hz below half the sample rate"""

    seconds: Positive | None = None
    """clips are padded with silence or cut (and counted) to this length; null: to the task's
    tagging.frames"""

    upsample: bool = False
    """let it hear clips of a lower sample rate than its own, raised to it; recorded"""

    precision: Literal["float32", "float16"] = "float32"
    """float16: as the published weights were trained, on a GPU only"""

    @model_validator(mode="after")
    def _one_origin(self) -> Options:
        if (self.path is None) == (self.train is None):
            raise ValueError("give either path or train")
        return self
