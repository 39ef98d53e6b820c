"""What a cell's samples are made from: the indexes of its features, and which of their clips are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import FAILED, OK, SKIPPED
from earmark.data.choice import asked_of
from earmark.models.contract import Audio
from earmark.models.features import FeatureRow, clips_digest
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.samples import Sample, samples_of

Indexed = tuple[list[FeatureRow], dict[str, str]]
"""The clips of a shard, and what made their states."""


@dataclass(frozen=True)
class Inputs:
    """The clips of the split, those that are asked, and where they come from."""

    everything: list[FeatureRow]
    chosen: list[FeatureRow]
    samples: list[Sample]
    made: list[dict[str, str]]
    """What each index says of what made it."""

    @classmethod
    def of(cls, cell: Cell, read: Sequence[Indexed], audio: Audio, folder: Path) -> Inputs:
        """Choose what is asked of the clips of every shard; ``folder`` is where they lie, for messages.

        Raises:
            UserError: a question can't be asked.

        """
        everything = [row for rows, _ in read for row in rows if row.clip.status in (OK, FAILED, SKIPPED)]
        everything.sort(key=lambda row: row.clip.clip_id)
        chosen = asked_of(everything, cell.task, cell.run.seed)
        if any(row.clip.status == SKIPPED for row in chosen):
            raise UserError(
                f"{folder} was encoded for another sample_limit or seed of task "
                f"'{cell.task.name}'; delete it to encode the clips that are asked now"
            )
        samples = samples_of(cell.bounded(audio.window_s), chosen, audio.tokens_per_second)
        return cls(everything, chosen, samples, [made for _, made in read])

    @property
    def skipped(self) -> int:
        """How many clips of the split are not asked."""
        return len(self.everything) - len(self.chosen)

    def provenance(self, index_sha256: Sequence[str]) -> Json:
        """Return which clips and states these are, and where they come from."""
        return self.made[0] | {
            "index_sha256": list(index_sha256),
            "states_sha256": [made["states_sha256"] for made in self.made if "states_sha256" in made],
            "clips_sha256": clips_digest(self.everything),
            "licences": sorted({row.clip.licence for row in self.chosen if row.clip.licence}),
            "origins": sorted({row.clip.origin for row in self.chosen if row.clip.origin}),
        }
