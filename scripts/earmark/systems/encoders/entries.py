"""What a user may add for encoder scoring: encoders and suites, one YAML file each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainSerializer, SerializationInfo, Tag, model_validator

from earmark.config.links import Tour, link
from earmark.config.projector import Projector as ComposedProjector
from earmark.config.section import Section, left_out
from earmark.config.values import Count
from earmark.models import towers
from earmark.systems.encoders import carried
from earmark.systems.encoders.adapter import Adapter
from earmark.systems.encoders.blocks import TrainFile

ORIGINS = ("model", "code", "random")


def _placed(code: str, info: SerializationInfo) -> str:
    """Return a Python file as it is found from any working directory; a dotted name as it is."""
    path = towers.file_of(code)
    if path is None or not isinstance(info.context, Tour):
        return code
    return info.context.placed(str(path)) + code[len(code.partition(".py:")[0]) + 3 :] * (".py:" in code)


def _said(train: Any) -> str:
    """Return which of the two a training is given as, so that a mistake in it is named where it stands."""
    return "content" if isinstance(train, dict | TrainFile) else "name"


class Encoder(Section):
    """An audio encoder to be scored: exactly one of model, code or random says what it is."""

    title: str
    """what it is called on the page"""

    labels: list[Literal["demo", "small"]] = []
    """'demo' for a stand-in, 'small' for real weights in a small encoder"""

    model: Annotated[str, link("models")] | None = left_out()
    """a model of config/models/ whose encoder it is: Whisper, wav2vec 2.0, HuBERT, WavLM, AST, CLAP, Dasheng,
    or the tower of Qwen2-Audio or Qwen2.5-Omni"""

    code: Annotated[str, PlainSerializer(_placed)] | None = left_out()
    """a class of yours, which is run: file.py, file.py:Class or package.module.Class"""

    arguments: dict[str, Any] = {}
    """of the class"""

    random: dict[str, Any] | None = left_out()
    """random weights, for tests: kind, and the sizes that its config takes"""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of a model's weights and activations"""

    batch_clips: Count = 1
    """clips encoded together; more only where the check says that batch and padding change nothing"""

    @model_validator(mode="after")
    def _one_origin(self) -> Encoder:
        if sum(getattr(self, origin) is not None for origin in ORIGINS) != 1:
            raise ValueError(f"give exactly one of {', '.join(ORIGINS)}")
        return self


class Projector(ComposedProjector):
    """How features become tokens of the language model: one linear map of each, unless said otherwise."""

    stack: Count = 1
    """of these, laid side by side to one token"""


class Suite(Section):
    """What encoders are trained and evaluated on, and how; XARES-LLM's presets are suites of their names."""

    title: str = ""
    """what it is called on the page"""

    labels: list[Literal["demo", "small"]] = []
    """'demo' for a stand-in, 'small' for real data in a small setting"""

    train: (
        Annotated[
            Annotated[str, carried.TRAINING, Tag("name")] | Annotated[TrainFile, Tag("content")],
            Discriminator(_said),
        ]
        | None
    ) = left_out()
    """a preset (task1, task2, all, one of the twenty), the path of a YAML file in upstream's format, or what
    such a file says; left out: the preset of the suite's name"""

    eval: Annotated[str, carried.EVALUATION] | dict[str, Any] | None = left_out()
    """the same of the evaluation"""

    training: dict[str, Any] = {}
    """laid over the training of `train`: max_steps, learning_rate, warmup_steps and its other keys"""

    decoder: Annotated[str, link("models")] = "smollm2-135m-base"
    """the language model: a model of kind causal_lm; its own weights stay as they are"""

    projector: Projector = Projector()
    """how features become tokens"""

    normalise: bool = False
    """whether features are freed of the mean and deviation that training clips have"""

    lora: Adapter | None = Adapter()
    """adapter of the language model; null: none"""

    precision: Literal["no", "bf16"] = "no"
    """of the training: no is float32"""

    features: Literal["float32", "float16", "bfloat16"] = "float32"
    """how features are stored"""

    compat: Literal["none", "xares"] = "none"
    """xares: what upstream's code does where that differs from what is right (docs/encoders.md)"""

    max_failed_share: float = Field(default=0.02, ge=0, le=1)
    """share of clips that may be unusable"""
