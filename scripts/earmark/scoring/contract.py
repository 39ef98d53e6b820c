"""What a metric is: the numbers it puts into a result, and for answers of a model how they are scored.

One file in ``scoring/metrics/`` defines one :class:`Metric`. Records, the summary, comparisons and the page
know metrics by what stands there and by nothing else. Light: the workflow reads these files as it is parsed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from earmark.core.files import Json
from earmark.scoring.question import Question

if TYPE_CHECKING:
    import numpy as np

    from earmark.config.asked import Scoring

Row = Json
Parser = Callable[[str, Sequence[str]], Any]
Points = tuple[int, int]


@dataclass(frozen=True)
class Measure:
    """One number of a result, and the words for it."""

    name: str
    """Its key in a record's ``metrics`` and its word in the summary's column ``metric``."""
    title: str
    """In a sentence or along an axis: ``word error rate``."""
    short: str
    """In the cell of a table: ``WER``."""
    unit: str = "share"
    """``share`` is shown in per cent and compared in percentage points; others, ``dB`` say, as they are."""
    higher_is_better: bool = True

    @property
    def sign(self) -> int:
        """What a value is multiplied by so that more is better: 1 or -1."""
        return 1 if self.higher_is_better else -1

    @property
    def axis(self) -> str:
        """The title, with the direction where less is better."""
        return self.title if self.higher_is_better else f"{self.title} (lower is better)"


class Metric:
    """What a file in ``scoring/metrics/`` defines; its name is the file's."""

    measures: ClassVar[tuple[Measure, ...]]
    """The numbers it gives; the first is the headline, which stands for a result."""
    remark: ClassVar[str] = ""
    """A sentence for the page, below tables that show its headline."""


class AnswerMetric(Metric, ABC):
    """A metric of what a model answered: what a task may name under ``metric``."""

    answers: ClassVar[Literal["choice", "transcript", "number"]]
    """What a right answer is: one of the options shown, the words that were said, or a number."""
    balanced_by: ClassVar[Literal["label", "group"]] = "group"
    """What is balanced where fewer samples than there are get asked: labels where they are classes."""

    @abstractmethod
    def judge(
        self, replies: Sequence[str], parse: Parser, question: Question, truth: str, task: Scoring
    ) -> Row:
        """Return what the replies to a sample's windows amount to.

        That is ``predicted``, ``correct``, ``parsed`` and what else of a sample's row the tables need.
        """

    @abstractmethod
    def tables(self, rows: Sequence[Json], task: Scoring, resamples: int, seed: int) -> Row:
        """Return ``metrics`` (the headline among them), ``per_class`` and ``per_group`` of scored samples."""

    @abstractmethod
    def points(self, row: Json) -> Points:
        """Return a scored sample's part of the headline: so many of so many."""

    @abstractmethod
    def compare(self, ours: Sequence[Points], theirs: Sequence[Points], drawn: np.random.Generator) -> Row:
        """Return the headline of ours minus theirs on the same samples.

        Keys: ``value``, ``low``, ``high``, ``interval``, ``n`` and ``p_value`` of no difference.
        """

    def mistakes(self, row: Json) -> str | None:
        """Return how far a sample's answer is off, in words, where it can be more than wrong."""
        return None
