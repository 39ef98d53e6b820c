"""The columns of the summary: one long table, a row per result and metric."""

from __future__ import annotations

DIFFERENCE = "difference_to_base"
PRUNING, TIMING, PROBE, LEFT_OUT = "pruned-evaluation", "prefill-timing", "linear-probe", "left-out"
TAGGING, TAGGING_SPEED = "audio-tagging", "tagging-speed"
OURS = "earmark"
"""The source of results made here; imported ones say ``imported: <from where>``."""

STAGES = ("load", "mel", "encode", "select", "prefill", "decode")
COUNTS = ("total", "scored", "unparsed", "failed", "truncated", "windowed", "skipped")
DTYPES = {
    **dict.fromkeys(("source", "system", "labels", "task", "profile", "model", "method", "reducer"), "str"),
    "kind": "str",
    "keep_ratio": "float64",
    "keep_tokens": "Int64",
    "keep_ratio_effective": "float64",
    **dict.fromkeys(("r", "train_r"), "str"),
    "layer": "Int64",
    "seed": "Int64",
    "metric": "str",
    **dict.fromkeys(("value", "low", "high"), "float64"),
    "interval": "str",
    "n": "Int64",
    "seeds": "Int64",
    **dict.fromkeys(("seed_min", "seed_max", "seed_sd"), "float64"),
    "p_value": "float64",
    "p_adjusted": "float64",
    "comparisons": "Int64",
    **dict.fromkeys(COUNTS, "Int64"),
    **{f"{stage}_s": "float64" for stage in STAGES},
    "real_time_factor": "float64",
    "peak_memory_bytes": "Int64",
    "threads": "Int64",
    **dict.fromkeys(("device", "dtype", "attention", "version", "code", "commit"), "str"),
    "sample_set": "str",
    "note": "str",
    "result": "str",
    "digest": "str",
}
"""Every column with its type. ``p_adjusted`` is ``p_value`` corrected for the ``comparisons`` of its
family (Holm). ``seed_*`` are the spread over ``seeds`` trainings. ``*_s`` are medians per sample. ``code``
digests the code, ``digest`` the file ``result``, ``sample_set`` the samples scored: equal where the
questions were the same."""

ORDER = ("source", "system", "task", "profile", "model", "labels", "device", "reducer", "method", "layer")
