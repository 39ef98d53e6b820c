"""What is known of one model on one sample: a row of its scores."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import OK
from earmark.systems.separation.scores import Scores


@dataclass(frozen=True)
class Row:
    """The scores of an estimate, or why it has none."""

    sample: str
    query: str
    label: str | None
    """The source's class, where there are classes."""

    source: str
    """The recording that is to be found."""

    status: str
    reason: str | None = None
    likeness: float | None = None
    """How much the estimate sounds like the query, where that was asked."""

    scores: Scores | None = None
    """None of a sample that failed."""

    @classmethod
    def read(cls, content: Json) -> Row:
        """Return a row as JSON holds it; raises UserError if it is none."""
        try:
            known = {name: content[name] for name in _KNOWN}
            scored = content["status"] == OK
            return cls(
                **known,
                likeness=content.get("likeness"),
                scores=Scores(**{name: content[name] for name in _SCORES}) if scored else None,
            )
        except (KeyError, TypeError) as error:
            raise UserError(f"a row of scores lacks {error}; delete the scores to make them again") from None

    def plain(self) -> Json:
        """Return the row as JSON holds it."""
        known = {name: getattr(self, name) for name in _KNOWN}
        return known if self.scores is None else {**known, "likeness": self.likeness, **asdict(self.scores)}


_KNOWN = ("sample", "query", "label", "source", "status", "reason")
_SCORES = tuple(Scores.__dataclass_fields__)
