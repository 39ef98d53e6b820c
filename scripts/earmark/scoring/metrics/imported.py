"""Numbers that only other programs report: those of XARES-LLM's tables, all higher is better."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Imported(Metric):
    """What an imported score may be; see :mod:`earmark.report.imports`."""

    measures = (
        Measure("mean_score", "mean score", "mean score"),
        Measure("map", "mean average precision", "mAP"),
    )
