"""What the jobs of teachers are given: the rules write these as JSON, the jobs read them back.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from typing import Literal

from earmark.config.section import Section
from earmark.core.files import Json


class Asked(Section):
    """A teacher for a task."""

    name: str
    task: str
    kind: str
    labels: list[str]
    options: Json
    """Of its kind; which there are is its own affair."""

    frames: int
    """Of the task's spectrograms, 10 ms each."""

    tagging: Literal["multi_label", "single_label"]
    """The kind of the task."""


class TeacherJob(Asked):
    """What making a teacher ready is given."""

    seed: int
    classes: str
    """``audioset``, ``task`` or a CSV."""


class LogitsJob(Asked):
    """What computing the logits of a shard is given; options that change no logits are left out."""

    storage: Literal["float16", "float32"]
    batch: int
    device: str
    source: str
    """The kind of source that the clips come from."""

    @property
    def upsample(self) -> bool:
        """Whether audio of a lower rate than the teacher's is let through."""
        return bool(self.options.get("upsample", False))
