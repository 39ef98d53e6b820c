"""One shard's features: its tar unpacked, its clips decoded and encoded, each once."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.config.source import Limits
from earmark.core import devices
from earmark.core.errors import AudioError
from earmark.core.progress import tqdm
from earmark.data.sources.archives import Store
from earmark.data.sources.tars import unpacked
from earmark.models import towers
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.encode import check_space
from earmark.systems.encoders import store
from earmark.systems.encoders.asked import FeaturesJob
from earmark.systems.encoders.check.contract import tried
from earmark.systems.encoders.check.finding import Finding
from earmark.systems.encoders.form import Form
from earmark.systems.encoders.origin import origin_of
from earmark.systems.encoders.recording import RATE, recording


@dataclass
class Heard:
    """A clip of a tar: its audio, or why there is none."""

    key: str
    said: str
    samples: NDArray[np.float32] | None
    reason: str = ""


def run(
    asked: FeaturesJob, tar: Path, checkpoint: Path | None, output: Path, name: str, threads: int
) -> None:
    """Write the features of a shard into the folder ``output``.

    Raises:
        UserError: the tar is damaged, the encoder cannot be loaded, the disk is too small.

    """
    form = Form.read(asked.form)
    device = devices.prepare(asked.device, threads)
    weights = None if checkpoint is None else Checkpoint.read(checkpoint)
    tower = None if form.dtype is None else towers.load(asked.tower, weights, str(device))
    rows: list[store.Row] = []
    kept: dict[str, Tensor] = {}
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=_made(output)) as place:
        clips = list(_unpacked(tar, Path(place)))
        writer = _Encoding(tower, form, asked.tower.batch_clips, device, output, len(clips))
        with tqdm(clips, desc=f"encoding {tar.name}", unit="clip") as bar:
            for clip, file in bar:
                writer.add(_decoded(clip, file, form))
        rows, kept = writer.finished()
    made = {
        "encoder": digest(tower, weights),
        "shard": tar.name,
        **asdict(origin_of(tar)),
        "form": str(form),
        "device": devices.describe(device),
    }
    store.write(output, name, kept, rows, made)
    failed = sum(bool(row.reason) for row in rows)
    print(f"{name}: {len(rows) - failed} of {len(rows)} clips", flush=True)


def digest(tower: nn.Module | None, checkpoint: Checkpoint | None) -> str:
    """Return what identifies an encoder: its checkpoint's digest, or one of its weights as they are."""
    if tower is None:
        return ""
    if checkpoint is not None:
        return checkpoint.digest
    found = hashlib.sha256()
    for key, value in sorted(tower.state_dict().items()):
        content = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        found.update(f"{key} {value.dtype} {tuple(value.shape)}".encode() + content)
    return found.hexdigest()[:16]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unpacked(tar: Path, folder: Path) -> Iterator[tuple[Heard, Path]]:
    for sample in unpacked(tar, Store(folder, tar, Limits())):
        said = json.dumps(sample["json"], ensure_ascii=False)
        yield Heard(sample["key"], said, None, sample.get("reason", "")), folder / sample.get("file", "")


def _decoded(clip: Heard, file: Path, form: Form) -> Heard:
    """Fill in a clip's audio, or the reason why there is none."""
    if clip.reason:
        return clip
    try:
        clip.samples = recording(file, clip.key, form.crop_s, form.seed, form.sinc)
    except AudioError as error:
        clip.reason = str(error)
    file.unlink()
    return clip


class _Encoding:
    """Clips encoded as they come, ``together`` at a time."""

    def __init__(
        self,
        tower: nn.Module | None,
        form: Form,
        together: int,
        device: torch.device,
        output: Path,
        clips: int,
    ) -> None:
        self._tower, self._form, self._together, self._device = tower, form, together, device
        self._output, self._clips = output, clips
        self._waiting: list[Heard] = []
        self._rows: list[store.Row] = []
        self._kept: dict[str, Tensor] = {}

    def add(self, clip: Heard) -> None:
        """Take a clip."""
        self._waiting.append(clip)
        if sum(each.samples is not None for each in self._waiting) >= self._together:
            self._flush()

    def finished(self) -> tuple[list[store.Row], dict[str, Tensor]]:
        """Return the rows of all clips and the features of those that can be used."""
        self._flush()
        return self._rows, self._kept

    def _flush(self) -> None:
        audible = [clip for clip in self._waiting if clip.samples is not None]
        started = time.perf_counter()
        made = dict(zip([clip.key for clip in audible], self._encoded(audible), strict=True))
        spent = (time.perf_counter() - started) / max(1, len(audible))
        first = not self._kept
        for clip in self._waiting:
            features, reason = made.get(clip.key, torch.empty(0)), clip.reason
            if not reason and not features.isfinite().all():
                reason = "features not finite"
            if not reason:
                self._kept[clip.key] = features
            seconds = 0.0 if clip.samples is None else len(clip.samples) / RATE
            self._rows.append(
                store.Row(clip.key, seconds, 0 if reason else len(features), clip.said, reason, spent)
            )
        if first and made:
            largest = max(tensor.nbytes for tensor in made.values())
            check_space(self._output, largest * self._clips)
        self._waiting.clear()

    def _encoded(self, clips: list[Heard]) -> list[Tensor]:
        """Return the features of some clips; empty, and the clip with a reason, where the encoder fails."""
        waves = [torch.from_numpy(clip.samples) for clip in clips if clip.samples is not None]
        if self._tower is None or not waves:
            return waves
        audio = nn.utils.rnn.pad_sequence(waves, batch_first=True).to(self._device)
        lengths = torch.tensor([len(wave) for wave in waves], device=self._device)
        mask = (torch.arange(audio.shape[1], device=self._device)[None] < lengths[:, None]).int()
        heard = tried(self._tower, audio, mask, "encoder")
        if isinstance(heard, Finding):
            if len(clips) > 1:
                return [self._encoded([clip])[0] for clip in clips]
            clips[0].reason = f"encoder ({heard.found})"
            return [torch.empty(0)]
        frames = [len(heard.clip(row)) for row in range(len(waves))]
        if self._form.half:
            frames = [halved(len(wave)) for wave in waves]
        dtype = DTYPES[self._form.dtype or "float32"]
        return [
            row[:n].to("cpu", dtype).contiguous().clone()
            for row, n in zip(heard.features, frames, strict=True)
        ]


def halved(samples: int) -> int:
    """Return the frames upstream's Whisper example keeps: the mel length halved twice, where one is right."""
    mel = samples // 160
    once = (mel - 1) // 2 + 1
    return max(1, (once - 1) // 2 + 1)
