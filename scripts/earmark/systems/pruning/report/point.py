"""What a result of token reduction shows beside its score: how it was reduced, what that cost and saved."""

from __future__ import annotations

from earmark.report.figures import Cell, Row, number
from earmark.report.words import DASH, difference, percent, timed
from earmark.systems.pruning.report.comparison import DIFFERENCE

COMPARABLE = ("task", "profile", "model", "labels", "device", "dtype", "seed")
"""Alike within a section: rows that differ in one of these are never in one chart."""

CORRECTED = (
    "Differences to the unpruned model (base) are taken on the samples both answered, in percentage points "
    "with a paired 95 % interval. The first p-value is McNemar's exact one, of word error rates that of "
    "a randomisation test; the second is corrected by Holm's method for the number of runs compared with the "
    "same base. “No difference shown” means that the corrected p-value is 0.05 or more: not that there is "
    "none."
)


def point(row: Row) -> None:
    """Add to a result's row its settings in words, its difference to base and its times.

    Added besides the cells: ``is_base``, ``ratio``, ``asked``, ``effective``, ``difference``, ``latency``.
    """
    metrics = row["metrics"]
    row["is_base"] = row["reducer"] == "base"
    row["ratio"] = row["keep_ratio"] or row["keep_ratio_effective"]
    row["asked"] = _asked(row)
    row["effective"] = percent(row["keep_ratio_effective"])
    row["run"] = row["method"] if row["is_base"] or not row["asked"] else f"{row['method']} {row['asked']}"
    row["latency"] = row["clip_s"]
    apart = metrics.get(DIFFERENCE)
    row["difference"] = difference(apart)
    hint = ""
    if apart is not None:
        hint = f"p {apart['p_value']:.3g} before correction for {apart['comparisons']} comparisons"
        row["remarks"].append(CORRECTED)
    row["settings"] |= {
        "method": Cell(row["method"] or DASH, hover=row["note"] or ""),
        "kept, asked": number(row["ratio"], row["asked"]),
        "kept, effective": number(row["keep_ratio_effective"], row["effective"]),
        "layer": number(row["layer"]),
    }
    f1 = {name: metrics.get(name, {}).get("value") for name in ("f1_macro", "f1_weighted")}
    row["findings"] |= {
        "difference to base": Cell(row["difference"], apart["value"] if apart else None, hint),
        **{name.replace("f1_", "F1 "): number(value, percent(value)) for name, value in f1.items()},
        "time per clip": number(row["clip_s"], timed(row, "clip")),
        "prefill": number(row["prefill_s"], timed(row, "prefill")),
    }


def _asked(row: Row) -> str:
    if row["keep_tokens"]:
        return f"{row['keep_tokens']} tokens"
    return f"{100 * row['keep_ratio']:g} %" if row["keep_ratio"] else ""
