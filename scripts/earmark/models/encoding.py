"""What the encoding of clips is given: which family, how its weights are held, and which clips."""

from __future__ import annotations

from earmark.config.asked import Choice
from earmark.config.section import Section, left_out


class Encoding(Section):
    """The settings of a job that runs an audio encoder."""

    kind: str
    """The family."""

    dtype: str
    """Of weights and states."""

    batch_audio_s: float
    """Seconds of audio encoded together."""

    device: str
    source: str
    """The kind of source that the clips come from."""

    choice: Choice | None = left_out()
    """Which clips are encoded, where not all are."""

    seed: int | None = left_out()
    """Of that choice."""
