"""Teachers of kind mobilenet: EfficientAT's published weights from a file, or a small one trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.systems.tagging.teachers import request, training, weights
from earmark.systems.tagging.teachers.classes import named
from earmark.systems.tagging.teachers.contract import Made, Making, Record, Wave, cut, fitted, half
from earmark.systems.tagging.teachers.mel import FrontEnd, LogMel
from earmark.systems.tagging.teachers.mobilenet_options import Options
from earmark.systems.tagging.teachers.mobilenet_v3 import MobileNetV3, parameters

SHAPE = "options width, head and strides, and the key classes,"
SECONDS_PER_FRAME = 0.01


def make(making: Making) -> Made:
    """Check the weights in a file, or train a network on the task.

    Raises:
        UserError: no such file, it is no plain state dict, a tensor is missing, unknown or misshapen.

    """
    asked, where = making.asked, making.where
    options, front_end = Options.read(asked.options, f"{where}: options"), cut(asked.options, FrontEnd)
    front_end.check(f"{where}: options")
    seconds = options.seconds or asked.frames * SECONDS_PER_FRAME
    if seconds * front_end.sample_rate < front_end.shortest:
        raise UserError(f"{where}: options.seconds: {seconds:g} s are shorter than a window of n_fft samples")
    network = cut(asked.options, Network)
    if options.train is not None:
        torch.manual_seed(asked.seed)
        model = network.build(len(making.classes))
        path = making.folder / "model.safetensors"
        hears = training.Hears(front_end.sample_rate, seconds, options.upsample)
        record = training.train(making, options.train, hears, model, LogMel(front_end), path)
        classes, origin = list(making.classes.names), {"trained": asked.task}
    else:
        assert options.path is not None, "there is a path where nothing is trained"
        path = Path(options.path).expanduser()
        if not path.is_file():
            raise UserError(request.missing(asked.name, str(path), options.source))
        classes = named(asked.classes, making.classes.names, where)
        model, record = network.build(len(classes)), None
        weights.fill(model, weights.read(path), path, SHAPE)
        origin = {"file": path.name, "source": options.source}
    return Made(
        classes=classes,
        files=[path],
        origin=origin,
        sample_rate=front_end.sample_rate,
        seconds=seconds,
        front_end={**asdict(front_end), "fmax": front_end.highest},
        parameters=parameters(model),
        training=record,
    )


@dataclass(frozen=True)
class Network:
    """The options that describe the network."""

    width: float
    head: str
    strides: list[int]

    def build(self, classes: int) -> MobileNetV3:
        """Return the network, with random weights."""
        return MobileNetV3(classes, self.width, self.head, self.strides)


def load(record: Record, device: torch.device) -> Tagger:
    """Return the teacher of a record; raises UserError as :func:`make`."""
    model = cut(record.options, Network).build(len(record.classes))
    weights.fill(model, weights.read(record.paths[0]), record.paths[0], SHAPE)
    front_end = FrontEnd(**record.front_end)
    use_half = half(record.options["precision"], device, record.where)
    assert record.seconds is not None, "such a teacher hears clips of one length"
    return Tagger(model, LogMel(front_end), front_end.sample_rate, record.seconds, device, use_half)


class Tagger:
    """A network behind its front end."""

    def __init__(
        self,
        model: MobileNetV3,
        mel: LogMel,
        sample_rate: int,
        seconds: float,
        device: torch.device,
        use_half: bool = False,
    ) -> None:
        self._model, self._mel = model.eval().to(device), mel.to(device)
        self._device, self._half = device, use_half
        self.sample_rate: int | None = sample_rate
        self.seconds: float | None = seconds
        self._samples = round(seconds * sample_rate)

    def refuses(self, clip: Clip) -> str:
        """Hear everything: whatever is short is padded."""
        return ""

    @torch.inference_mode()
    def logits(self, clips: Sequence[Clip], waves: Sequence[Wave]) -> Tensor:
        """Return float32 [clips, classes]."""
        mel = self._mel(fitted(waves, self._samples).to(self._device))
        with torch.autocast(self._device.type, torch.float16, enabled=self._half):
            logits: Tensor = self._model(mel)
        return logits.float().cpu()
