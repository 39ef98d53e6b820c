"""The columns of the summary: one long table, a row per result and metric (docs/summary.md)."""

from __future__ import annotations

from functools import cache

from earmark.systems.contract import Column
from earmark.systems.registry import systems

LEFT_OUT = "left-out"
OURS = "earmark"
"""The source of results made here; imported ones say ``imported: <from where>``."""

STAGES = ("load", "mel", "encode", "select", "prefill", "decode")
CLIP = "clip"
"""Of the columns that hold the time of a whole sample, loading left out."""

TIMES = (
    ("", "median seconds per sample"),
    ("_low", "lower end of that median's 95 % interval"),
    ("_high", "its upper end"),
)
COUNTS = ("total", "scored", "unparsed", "failed", "truncated", "windowed", "skipped")

IDENTITY = (
    Column("source", "str", "`earmark`, or `imported: ` and the program whose file was imported"),
    Column("system", "str", "the system whose result this is; `left-out`: a file that could not be read"),
    Column("type", "str", "which of the system's types of result; `mean`: over several tasks"),
    Column("labels", "str", "`demo` and `synthetic` where they hold, comma-separated"),
    Column("task", "str", "the task, or the data set"),
    Column("model", "str", "the model; of tagging, the student"),
    Column("imported_as", "str", "of imported rows, the name of the run where the file has one"),
    Column("seed", "Int64", "the seed of the evaluation"),
)
MEASURED = (
    Column("metric", "str", "the metric; `metric/class` and `metric@facet=group` are parts of it"),
    Column("value", "float64", "its value; shares lie between 0 and 1"),
    Column("low", "float64", "lower end of the interval (95 % unless `interval` says otherwise)"),
    Column("high", "float64", "upper end"),
    Column("interval", "str", "how the interval was made"),
    Column("n", "Int64", "how many samples, clips or repeats it rests on"),
    Column("seeds", "Int64", "trainings behind the value"),
    Column("seed_min", "float64", "the least value of a training"),
    Column("seed_max", "float64", "the greatest"),
    Column("seed_sd", "float64", "standard deviation over trainings"),
    Column("p_value", "float64", "of no difference, in rows of comparisons"),
    Column("p_adjusted", "float64", "the same, corrected (Holm) for the `comparisons` of its family"),
    Column("comparisons", "Int64", "comparisons in that family"),
)
COUNTED = (
    Column("total", "Int64", "samples there are"),
    Column("scored", "Int64", "samples with a score"),
    Column("unparsed", "Int64", "answers that could not be read (scored as wrong)"),
    Column("failed", "Int64", "samples without an answer (neither right nor wrong)"),
    Column("truncated", "Int64", "samples whose audio was cut"),
    Column("windowed", "Int64", "samples answered window by window"),
    Column("skipped", "Int64", "samples left out on request"),
)
CLOCKED = (
    *(
        Column(f"{stage}{end}_s", "float64", f"{says}: {what}")
        for stage, what in (*((stage, stage) for stage in STAGES), (CLIP, "from audio to answer"))
        for end, says in TIMES
    ),
    Column("real_time_factor", "float64", "seconds of work per second of audio"),
    Column("peak_memory_bytes", "Int64", "the most memory in use"),
    Column("threads", "Int64", "threads of the measurement"),
    Column("device", "str", "what it ran on"),
    Column("dtype", "str", "number format of the weights"),
    Column("attention", "str", "implementation of attention"),
)
MADE = (
    Column("version", "str", "version of earmark"),
    Column(
        "code",
        "str",
        "digest of the code that made the file; of answers that are scored later, that answered",
    ),
    Column("scoring_code", "str", "digest of the code that read and scored the answers"),
    Column("commit", "str", "commit of that code, `-dirty` where files differed from it"),
    Column("packages", "str", "versions of the packages that make numbers; compare only where equal"),
    Column("sample_set", "str", "digest of the samples scored: equal where the questions were the same"),
    Column("note", "str", "what a reader of the number has to know"),
    Column("result", "str", "the file"),
    Column("digest", "str", "digest of the file"),
)
ORDER = ("source", "system", "type", "task", "model", "labels", "device", "imported_as")


def settings() -> list[Column]:
    """Return the columns of every system, in the order of the page.

    Raises:
        ValueError: two systems call a column the same, or one like a column that every row has.

    """
    found = [column for system in systems() for column in system.columns]
    names = [column.name for column in (*IDENTITY, *found, *MEASURED, *COUNTED, *CLOCKED, *MADE)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two columns of the summary are called '{twice[0]}'; a column has one meaning")
    return found


@cache
def dtypes() -> dict[str, str]:
    """Return every column with its type."""
    every = (*IDENTITY, *settings(), *MEASURED, *COUNTED, *CLOCKED, *MADE)
    return {column.name: column.dtype for column in every}
