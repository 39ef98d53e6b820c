"""Mean average precision and what stands beside it, of systems that score every class of every clip."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class MeanAveragePrecision(Metric):
    """Average precision of each class, averaged over classes; computed by :mod:`earmark.scoring.tagging`."""

    measures = (
        Measure("mAP", "mean average precision", "mAP"),
        Measure("mAUC", "mean area under the ROC curve", "mAUC"),
        Measure("d_prime", "d\u2032", "d\u2032", unit=""),
        Measure("top1_in_labels", "share of clips whose best class is right", "best class right"),
    )
