"""Accuracy and F1 where the options are classes, alike in all samples.

F1 and the class table are over class names; F1 over option letters stands beside them.
"""

from __future__ import annotations

from earmark.scoring.choices import ACCURACY, F1, PARSE_FAILURES, Choices


class Classes(Choices):
    """A choice among the same classes for every clip."""

    measures = (ACCURACY, *F1, PARSE_FAILURES)
    balanced_by = "label"
