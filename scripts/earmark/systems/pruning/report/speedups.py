"""The section of a timing file: measured prefill speed-up against keep ratio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.report import trend
from earmark.report.figures import Cell, Figure, Look, Row, Section, Table
from earmark.report.words import banner, interval, made, percent, seconds
from earmark.systems.pruning.report import charts

TIMES = "\u00d7"


def _row(point: Mapping[str, Any], record: Mapping[str, Any], path: str) -> Row:
    """Return what the chart and the table need of a point of a timing file."""
    speed = {"value": point["speedup"], "low": point["speedup_low"], "high": point["speedup_high"]}
    return {
        **{name: point[name] for name in ("method", "layer")},
        **speed,
        "ratio": point["keep_ratio"],
        "asked": f"{100 * point['keep_ratio']:g} %",
        "tokens": point["tokens_after"],
        "speed": f"{point['speedup']:.2f} {TIMES} {interval(speed, 1, 2)}",
        "flop_value": point["flop_speedup"],
        "flop": f"{point['flop_speedup']:.2f} {TIMES}",
        "seconds": f"{seconds(point['prefill_s'])}, unpruned {seconds(point['base_s'])}",
        "n": record["repeats"],
        "made": made({"result": path, "code": record["provenance"].get("code")}),
    }


def section(record: Mapping[str, Any], path: str, look: Mapping[str, Look]) -> Section:
    """Return the section of the timing file at ``path``: a panel per layer."""
    rows = [_row(point, record, path) for point in record["points"]]
    figures = []
    for layer in sorted({row["layer"] for row in rows}):
        panel = [row for row in rows if row["layer"] == layer]
        methods = [name for name in look if any(row["method"] == name for row in panel)]
        figures.append(
            Figure(
                f"Prefill speed-up when pruned before layer {layer}",
                charts.speedup(panel, [row["ratio"] for row in rows], look),
                [
                    *((name, look[name]) for name in methods),
                    ("by FLOPs alone", charts.FLOPS),
                    ("as fast as unpruned", charts.NO_GAIN),
                ],
                numbers="in the table below the charts",
                key=f"speed-up layer {layer}",
                trend=trend.lines(panel, "method", "ratio", "{:.2f} times".format, percent),
            )
        )
    facts = [
        f"model {record['model']}",
        f"{record['audio_tokens']} tokens of audio",
        f"{record['parameters']:,} parameters".replace(",", " "),
        ", ".join(str(record[name]) for name in ("device", "dtype", "attention")),
        f"{record['threads']} thread{'s' * (record['threads'] > 1)}",
        *(["processor time"] if record.get("clock") == "processor" else []),
        *([] if record.get("alone", True) else ["beside other jobs"]),
    ]
    note = (
        f"Each point is the median of {record['repeats']} pruned prefills, each compared with the "
        "unpruned ones before and behind it; bars reach from the slowest to the fastest. "
        "FLOPs: what a machine limited by arithmetic alone would gain."
    )
    return Section(
        f"Prefill of {record['audio_s']:g} s of audio",
        facts,
        banner(",".join(record["labels"])),
        [figures],
        [note],
        [_table(rows)],
        f"prefill {Path(path).stem}",
    )


def _table(rows: list[Row]) -> Table:
    columns = ["method", "kept", "layer", "tokens kept", "speed-up", "by FLOPs", "prefill", "repeats"]
    lines = [
        [
            Cell(row["method"]),
            Cell(row["asked"], row["ratio"]),
            Cell(str(row["layer"]), row["layer"]),
            Cell(str(row["tokens"]), row["tokens"]),
            Cell(row["speed"], row["value"]),
            Cell(row["flop"], row["flop_value"]),
            Cell(row["seconds"]),
            Cell(str(row["n"]), row["n"]),
        ]
        for row in rows
    ]
    return Table(
        "The numbers of each point",
        columns,
        lines,
        [],
        frozenset(columns) - {"method", "prefill"},
        folded=True,
    )
