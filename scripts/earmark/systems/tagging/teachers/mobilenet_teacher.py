"""Teachers of kind mobilenet: EfficientAT's published weights from a file, or a small one trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.systems.tagging.teachers import request, training, weights
from earmark.systems.tagging.teachers.classes import named
from earmark.systems.tagging.teachers.contract import Made, Making, Record, Wave, fitted, half, sizes
from earmark.systems.tagging.teachers.mel import FrontEnd, LogMel
from earmark.systems.tagging.teachers.mobilenet_v3 import MobileNetV3, parameters

SHAPE = "options width, head and strides, and the key classes,"
SECONDS_PER_FRAME = 0.01


def make(making: Making) -> Made:
    """Check the weights in a file, or train a network on the task.

    Raises:
        UserError: no such file, it is no plain state dict, a tensor is missing, unknown or misshapen.

    """
    options, where = making.options, making.where
    front_end: FrontEnd = sizes(options, FrontEnd)
    front_end.check(f"{where}: options")
    seconds = options["seconds"] or making.settings["frames"] * SECONDS_PER_FRAME
    if seconds * front_end.sample_rate < front_end.shortest:
        raise UserError(f"{where}: options.seconds: {seconds:g} s are shorter than a window of n_fft samples")
    if "train" in options:
        torch.manual_seed(making.settings["seed"])
        model = build(options, len(making.classes))
        path = making.folder / "model.safetensors"
        record = training.train(making, model, LogMel(front_end), seconds, path)
        classes, origin = list(making.classes.names), {"trained": making.settings["task"]}
    else:
        path = Path(options["path"]).expanduser()
        if not path.is_file():
            raise UserError(request.missing(making.settings["name"], str(path), options["source"]))
        classes = named(making.settings["classes"], making.classes.names, where)
        model, record = build(options, len(classes)), None
        weights.fill(model, weights.read(path), path, SHAPE)
        origin = {"file": path.name, "source": options["source"]}
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


def build(options: dict[str, Any], classes: int) -> MobileNetV3:
    """Return the network that the options describe."""
    return MobileNetV3(classes, options["width"], options["head"], options["strides"])


def load(record: Record, device: torch.device) -> Tagger:
    """Return the teacher of a record; raises UserError as :func:`make`."""
    content = record.content
    options = content["options"]
    model = build(options, len(content["classes"]))
    weights.fill(model, weights.read(record.paths[0]), record.paths[0], SHAPE)
    mel = LogMel(FrontEnd(**content["front_end"]))
    use_half = half(options["precision"], device, f"teacher '{content['teacher']}'")
    return Tagger(model, mel, content["sample_rate"], content["seconds"], device, use_half)


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
