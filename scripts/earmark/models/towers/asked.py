"""What an encoder to be scored is made by, as jobs are given it."""

from __future__ import annotations

from earmark.config.section import Section, left_out
from earmark.core.files import Json


class Tower(Section):
    """An encoder: of a family's weights, a user's class, or random weights."""

    kind: str
    dtype: str = "float32"
    batch_clips: int = 1
    """Clips encoded together."""

    random: Json | None = left_out()
    """The sizes of one with random weights, as its config takes them."""

    code: str | None = left_out()
    """A user's class."""

    arguments: Json | None = left_out()
    """Of the class."""
