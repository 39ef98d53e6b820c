"""Labels of clips that have several: ranked by likelihood, as sets, and as upstream averages hard ones."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Labelled(Metric):
    """Computed by systems/encoders/measures.py."""

    measures = (
        Measure("likelihood_ap", "mean average precision by likelihood", "mAP by likelihood"),
        Measure("map_hard_labels", "mAP of hard labels", "mAP of hard labels"),
        Measure("set_f1", "F1 of label sets", "F1 of label sets"),
        Measure(
            "outside_labels", "answers outside the label set", "outside the labels", higher_is_better=False
        ),
    )
