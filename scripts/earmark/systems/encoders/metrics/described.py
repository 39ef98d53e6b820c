"""Descriptions of clips against references: FENSE and DATE of the package mecat."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Described(Metric):
    """Computed by systems/encoders/captions.py where mecat and its models can be had."""

    measures = (
        Measure("fense", "FENSE", "FENSE"),
        Measure("date", "DATE", "DATE"),
    )
