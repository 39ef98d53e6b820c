"""What results answered, each file read once a summary: every comparison of a grid needs the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earmark.report import files
from earmark.report.known import Known
from earmark.systems.pruning.report.results import Answers, Result

Questions = tuple[tuple[Any, ...], ...]


class Answered(NamedTuple):
    """The scored samples of a result: the questions, sorted, and each one's part of the headline."""

    questions: Questions
    points: NDArray[np.int64]
    """So many of so many, [questions, 2]."""

    def answers(self) -> Answers:
        """Return the points by question, in the order of the questions."""
        pairs = zip(self.points[:, 0].tolist(), self.points[:, 1].tolist(), strict=True)
        return dict(zip(self.questions, pairs, strict=True))


class Reader:
    """Reads what results answered, and keeps it as numbers; most results share their questions."""

    def __init__(self) -> None:
        self._questions: dict[Questions, Questions] = {}
        self._found: dict[str, Answered] = {}

    def read(self, each: Known) -> Answered:
        """Return what a result answered; its record was checked when the summary first read it."""
        path = str(each.path)
        if path not in self._found:
            answers = Result(path, files.parsed(each.path)).answers()
            questions: Questions = tuple(sorted(answers, key=str))
            points = np.array([answers[question] for question in questions], np.int64).reshape(-1, 2)
            self._found[path] = Answered(self._questions.setdefault(questions, questions), points)
        return self._found[path]

    def aligned(self, results: Sequence[Known]) -> NDArray[np.float64]:
        """Return the points of results on all questions that any answered, [results, questions, 2].

        Where one lacks a question it has 0 of 0.
        """
        found = [self.read(each) for each in results]
        if all(each.questions is found[0].questions for each in found):
            return np.stack([each.points for each in found]).astype(np.float64)
        every = sorted({question for each in found for question in each.questions}, key=str)
        answers = [each.answers() for each in found]
        return np.array([[each.get(question, (0, 0)) for question in every] for each in answers], np.float64)
