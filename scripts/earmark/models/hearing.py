"""An audio encoder with its settings, ready to go over shards, whether states are stored or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from earmark.core import devices
from earmark.core.records import Clip, read_manifest
from earmark.data.choice import without_skipped
from earmark.models import encode, needs
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.contract import Audio, AudioEncoder
from earmark.models.encoding import Encoding
from earmark.models.families import family
from earmark.models.features import FeatureRow
from earmark.models.outline import Outline


@dataclass(frozen=True)
class Hearing:
    """A loaded encoder and its settings."""

    encoder: AudioEncoder
    audio: Audio
    settings: Encoding
    metadata: dict[str, str]
    """What an index says of what made its states."""

    @classmethod
    def load(cls, settings: Encoding, checkpoint: Path, device: torch.device) -> Hearing:
        """Load the encoder of a checkpoint's record."""
        model, kind, dtype = Checkpoint.read(checkpoint), family(settings.kind), settings.dtype
        needs.announce(
            needs.encoding(Outline(settings.kind, dtype, folder=model.folder), settings.batch_audio_s)
        )
        metadata = {
            "model_digest": model.digest,
            "device": devices.describe(device),
            "dtype": dtype,
            "source": settings.source,
        }
        return cls(kind.encoder(model, str(device), dtype), kind.audio, settings, metadata)

    def clips(self, index: Path, whole: Sequence[Path]) -> list[Clip]:
        """Return the clips of a shard, those that are not asked marked as skipped.

        ``whole`` are the indexes of every shard of the split, read where only some clips are asked.
        """
        clips = [clip for clip in read_manifest(index) if clip.status != "unused"]
        choice, seed = self.settings.choice, self.settings.seed
        if choice is None or seed is None:
            return clips
        split = [clip for path in whole or [index] for clip in read_manifest(path)]
        return without_skipped(clips, split, choice, seed)

    def size(self, clips: list[Clip]) -> int:
        """Return the bytes of the states of some clips."""
        width_bytes = DTYPES[self.settings.dtype].itemsize
        return encode.size_estimate(clips, self.encoder.width, width_bytes, self.audio.tokens_per_second)

    def encoded(self, tar: Path, clips: list[Clip]) -> tuple[list[FeatureRow], dict[str, Tensor]]:
        """Return a shard's rows, and the states by the clips' keys.

        Raises:
            UserError: the tar and its index disagree.

        """
        states: dict[str, Tensor] = {}

        def keep(key: str, state: Tensor) -> None:
            # A row of a larger batch would keep the whole batch alive.
            states[key] = state.detach().cpu().clone()

        batch_s = self.settings.batch_audio_s
        return encode.encoded(self.encoder, self.audio, tar, clips, batch_s, keep), states

    def write(self, tar: Path, clips: list[Clip], output: Path, index: Path) -> None:
        """Write a shard's states and their index; raises UserError as :meth:`encoded`."""
        batch_s = self.settings.batch_audio_s
        encode.encode_shard(self.encoder, self.audio, tar, clips, batch_s, output, index, self.metadata)
