"""Teachers of kind transformers: any audio classifier of the library, with its own feature extractor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import Clip
from earmark.models import hub
from earmark.models.checkpoint import list_files
from earmark.models.described import check_weights
from earmark.models.untrusted import refuse_own_code
from earmark.systems.tagging.teachers import request
from earmark.systems.tagging.teachers.classes import named
from earmark.systems.tagging.teachers.contract import Made, Making, Record, Wave, fitted, half
from earmark.systems.tagging.teachers.transformers_options import Options

OTHERWISE = (
    "the teacher is not in the local cache; put its checkpoint into a folder and set "
    "teachers.<name>.options.path to it"
)


def make(making: Making) -> Made:
    """Fetch or find a checkpoint and look into it.

    Its classes are the names in its config (``id2label``), unless the key ``classes`` names a CSV of them.

    Raises:
        UserError: out of reach, no folder, not an audio classifier, or weights that are incomplete.

    """
    asked, where = making.asked, making.where
    options = Options.read(asked.options, f"{where}: options")
    origin: Json
    if options.hub is not None:
        folder, origin = hub.fetch(options.hub, options.revision, OTHERWISE)
    else:
        assert options.path is not None, "there is either a repository or a path"
        folder = Path(options.path).expanduser()
        if not folder.is_dir():
            raise UserError(request.missing(asked.name, f"folder {folder}"))
        origin = {"folder": folder.name}
    model, extractor = read(folder, where)
    classes = list(model.config.id2label.values())
    if asked.classes != "task":
        classes = named(asked.classes, making.classes.names, where)
    if len(classes) != model.config.num_labels:
        raise UserError(
            f"{where}: classes names {len(classes)} classes, its network has {model.config.num_labels}"
        )
    return Made(
        classes=classes,
        files=[folder / name for name in list_files(folder)],
        origin=origin,
        sample_rate=int(extractor.sampling_rate),
        seconds=options.seconds,
        front_end=_plain(extractor.to_dict()),
        parameters=sum(weight.numel() for weight in model.parameters()),
    )


def read(folder: Path, where: str) -> tuple[Any, Any]:
    """Return the model of a folder and its feature extractor; code that comes with it is never run.

    Raises:
        UserError: there is no extractor, another kind of model, or a head that was never trained.

    """
    refuse_own_code(folder)
    try:
        check_weights(AutoModelForAudioClassification, folder)
        extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        model, report = AutoModelForAudioClassification.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except Exception as error:  # damage has as many names as transformers has ways to read
        words = " ".join(str(error).split())[:200]
        raise UserError(
            f"{where}: {folder} holds no audio classifier that transformers loads ({words})"
        ) from None
    lacking = sorted(report["missing_keys"]) + [str(key[0]) for key in report.get("mismatched_keys", ())]
    if lacking:
        raise UserError(
            f"{where}: {folder} lacks weights of an audio classifier ('{lacking[0]}' and "
            f"{len(lacking) - 1} more): it would answer at random"
        )
    if not hasattr(extractor, "sampling_rate"):
        raise UserError(f"{where}: {folder}: its preprocessor_config.json is not of an audio extractor")
    return model.eval(), extractor


def load(record: Record, device: torch.device) -> Classifier:
    """Return the teacher of a record; raises UserError as :func:`make`."""
    model, extractor = read(record.paths[0].parent, record.where)
    use_half = half(record.options["precision"], device, record.where)
    return Classifier(model, extractor, record.seconds, device, use_half)


class Classifier:
    """A model behind its own feature extractor."""

    def __init__(
        self, model: Any, extractor: Any, seconds: float | None, device: torch.device, use_half: bool
    ) -> None:
        self._model, self._extractor = model.to(device), extractor
        self._device, self._half = device, use_half
        self.sample_rate: int | None = int(extractor.sampling_rate)
        self.seconds = seconds

    def refuses(self, clip: Clip) -> str:
        """Hear everything."""
        return ""

    @torch.inference_mode()
    def logits(self, clips: Sequence[Clip], waves: Sequence[Wave]) -> Tensor:
        """Return float32 [clips, classes]; all waves have one length, so nothing is padded to another's."""
        assert self.sample_rate is not None
        samples = None if self.seconds is None else round(self.seconds * self.sample_rate)
        batch = list(fitted(waves, samples).numpy())
        inputs = self._extractor(batch, sampling_rate=self.sample_rate, return_tensors="pt")
        with torch.autocast(self._device.type, torch.float16, enabled=self._half):
            logits: Tensor = self._model(**inputs.to(self._device)).logits
        return logits.float().cpu()


def _plain(values: Json) -> Json:
    """Return the settings of an extractor that are plain values; filter banks follow from them."""
    return {key: value for key, value in sorted(values.items()) if isinstance(value, (str, int, float, bool))}
