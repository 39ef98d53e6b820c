"""How much audio a split holds: measured by the task's audit, or else what is known beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from earmark.config.source import ClipsPerClass
from earmark.config.sources import audiomarathon, synthetic_marathon, synthetic_music, synthetic_tags
from earmark.config.task import Task
from earmark.config.values import Split
from earmark.core.files import Json

MARATHON = {
    "desed": (254, 285),
    "gtzan": (120, 240),
    "had": (776, 240),
    "librispeech": (204, 150),
    "race": (820, 187),
    "slue": (490, 232),
    "tau": (1145, 150),
    "vesus": (185, 105),
    "vox_age": (959, 150),
    "vox_gender": (1614, 150),
}
"""Clips and about how many seconds each of AudioMarathon's tasks has: published counts, middles of the
published ranges of length."""

WORD_S = 0.5
"""About how long a word of the demo transcription task is."""


@dataclass(frozen=True)
class Audio:
    """A split's clips: how many, seconds of their lengths, and where that is known from."""

    clips: int
    mean_s: float
    std_s: float
    longest_s: float
    known_from: str

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.clips * self.mean_s

    def lengths(self) -> Json:
        """Return it as :func:`earmark.data.audit.cost.estimate` takes it."""
        return {"count": self.clips, "mean": self.mean_s, "std": self.std_s, "max": self.longest_s}


def of_split(task: str, entry: Task, split: Split) -> Audio | None:
    """Return a split's audio, or None if nobody knows before the data are here."""
    return _audited(task, split) or _expected(entry, split)


def _audited(task: str, split: Split) -> Audio | None:
    """Return what the task's audit measured."""
    try:
        lengths = json.loads(Path(f"data/{task}/audit.json").read_text())["splits"][split]["lengths"]
        return Audio(lengths["count"], lengths["mean"], lengths["std"], lengths["max"], "audit")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _expected(entry: Task, split: Split) -> Audio | None:
    """Return what the source's settings say, or what was published."""
    source = entry.data.source
    if isinstance(source, synthetic_music.Source) and split in source.splits:
        wanted = source.splits[split]
        return _between(source.genres * wanted.clips_per_class, wanted.min_s, wanted.max_s)
    if isinstance(source, synthetic_tags.Source) and (clips := getattr(source.clips, split)) is not None:
        return _between(clips, source.seconds, source.seconds)
    if isinstance(source, synthetic_marathon.Source) and split in source.splits:
        some = source.splits[split]
        if isinstance(some, ClipsPerClass):
            # Two to ten classes; the smaller tasks have four.
            return _between(4 * some.clips_per_class, some.min_s, some.max_s)
        return _between(some.utterances, some.min_words * WORD_S, some.max_words * WORD_S)
    if isinstance(source, audiomarathon.Source) and split == "test" and source.task in MARATHON:
        number, seconds = MARATHON[source.task]
        return Audio(number, seconds, 0.2 * seconds, 300, "published counts")
    return None


def _between(clips: int, least: float, most: float) -> Audio:
    """Return clips of lengths spread evenly between two."""
    return Audio(clips, (least + most) / 2, (most - least) / 12**0.5, most, "settings")
