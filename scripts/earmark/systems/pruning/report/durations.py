"""How long the clips of a result are."""

from __future__ import annotations

import numpy as np

from earmark.report.charts import histogram
from earmark.report.figures import Figure, Row
from earmark.systems.pruning.report.results import Result

BINS = 20


def figure(result: Result) -> Figure | None:
    """Return the histogram of the lengths of a result's samples, failed ones too; None without samples."""
    lengths, cut = [], 0
    for row in result.samples():
        lengths.append(float(row.get("duration_s") or 0.0))
        cut += bool(row.get("truncated"))
    if not lengths:
        return None
    notes = [
        f"{len(lengths)} clips, {min(lengths):.3g} to {max(lengths):.3g} s, median "
        f"{np.median(lengths):.3g} s, {sum(lengths) / 3600:.3g} h in all; the samples of {result.path}."
    ]
    if cut:
        notes.append(f"{cut} of them were truncated to the model's limit.")
    return Figure(
        "How long the clips are",
        histogram(bins(lengths), "seconds"),
        [],
        notes,
        numbers="in the remark below",
        key="durations",
        trend=notes[0],
    )


def bins(lengths: list[float]) -> list[Row]:
    """Return equally wide bins with their counts; one bin where all are alike."""
    counts, edges = np.histogram(lengths, BINS if max(lengths) > min(lengths) else 1)
    return [
        {"from": float(a), "to": float(b), "n": int(n), "text": f"{a:.4g} to {b:.4g} s"}
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
    ]
