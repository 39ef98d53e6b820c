"""The share of heads."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Heads(Metric):
    """How often heads came up."""

    measures = (Measure("heads", "share of heads", "heads"),)
    remark = "Heads: a fair coin has half of them."
