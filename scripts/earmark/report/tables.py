"""Result and timing files, read and checked, as one long table: a row per result and metric."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd

from earmark.errors import UserError
from earmark.files import replacing
from earmark.provenance import ROOT
from earmark.scoring.paired import Comparison, RateComparison, compare, compare_rates
from earmark.seeding import generator

DIFFERENCE = "difference_to_base"
TIMING = "prefill-timing"
STAGES = ("load", "mel", "encode", "select", "prefill", "decode")
COUNTS = ("total", "scored", "unparsed", "failed", "truncated", "windowed", "skipped")
DTYPES = {
    **dict.fromkeys(("system", "labels", "task", "profile", "model", "method", "reducer", "kind"), "str"),
    "keep_ratio": "float64",
    "keep_tokens": "Int64",
    "keep_ratio_effective": "float64",
    "layer": "Int64",
    "seed": "Int64",
    "metric": "str",
    **dict.fromkeys(("value", "low", "high"), "float64"),
    "interval": "str",
    "n": "Int64",
    "p_value": "float64",
    **dict.fromkeys(COUNTS, "Int64"),
    **{f"{stage}_s": "float64" for stage in STAGES},
    "real_time_factor": "float64",
    "peak_memory_bytes": "Int64",
    **dict.fromkeys(("device", "dtype", "attention", "code", "commit", "result"), "str"),
}
ORDER = ["system", "task", "profile", "model", "labels", "device", "reducer", "method", "layer"]


@dataclass(frozen=True)
class Result:
    """A result of pruned evaluation; its samples are read when asked for, they can be many."""

    path: str
    record: dict[str, Any]

    @property
    def asked(self) -> dict[str, Any]:
        """What the evaluation was asked for."""
        return dict(self.record["asked"])

    @property
    def is_base(self) -> bool:
        """Whether this is the unpruned model, the one to compare with."""
        return bool(self.asked["reducer"] == "base")

    def comparable(self) -> str:
        """Return a key that is equal for two results that differ in the reduction alone."""
        asked, timing, made = self.asked, self.record["timing"], self.record["provenance"]
        wording = ("prompt", "system_prompt", "profile", "parser", "metric", "normaliser")
        names = ("task", "model", *wording, "max_new_tokens", "long_audio")
        same = [asked[name] for name in (*names, "max_audio_s", "seed")]
        model = {key: value for key, value in made["model"].items() if key != "folder"}
        return json.dumps(
            [
                same,
                self.record["labels"],
                timing["device"],
                timing["dtype"],
                model,
                made["data"],
            ],
            sort_keys=True,
        )

    def samples(self) -> Iterator[dict[str, Any]]:
        """Yield the per-sample rows from the JSONL beside the result.

        Raises:
            UserError: the file is missing, is not what it should be or belongs to another result.

        """
        path, scored, correct = Path(self.path).with_suffix(".jsonl"), 0, 0
        if not path.is_file():
            raise UserError(f"{path}, the samples of {self.path}, is missing; delete both to make them again")
        with path.open() as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                    scored += row["status"] == "scored"
                    correct += row["correct"] is True
                    row["clip_id"], row["truth"], row["options"], row["word_errors"]
                except (json.JSONDecodeError, TypeError, KeyError) as error:
                    raise UserError(f"{path}, line {number} is not a sample of earmark ({error!r})") from None
                yield row
        counts = self.record["counts"]
        if (scored, correct) != (counts["scored"], counts["correct"]):
            raise UserError(
                f"{path} has {scored} scored and {correct} correct samples, {self.path} counts "
                f"{counts['scored']} and {counts['correct']}; delete both to make them again"
            )

    @property
    def headline(self) -> str:
        """The metric that stands for the result: ``wer``, of which less is better, or ``accuracy``."""
        return "wer" if self.asked["metric"] == "wer" else "accuracy"

    def answers(self) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Return each scored sample's hits or word errors, and out of how many, by clip and question."""
        return {
            (row["clip_id"], row["truth"], *row["options"]): _points(row)
            for row in self.samples()
            if row["status"] == "scored"
        }


def _points(row: dict[str, Any]) -> tuple[int, int]:
    """Return 1 of 1 for a right choice, 0 of 1 for a wrong one; of a transcript, errors and words."""
    counted = row["word_errors"]
    if counted is None:
        return int(row["correct"]), 1
    return counted["substitutions"] + counted["deletions"] + counted["insertions"], counted["words"]


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "config" / "schemas" / f"{kind}.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema)


def read_record(path: Path, kind: str) -> dict[str, Any]:
    """Read a JSON file and check it against ``config/schemas/{kind}.schema.json``.

    Raises:
        UserError: the file is missing, is not JSON or does not fit the schema.

    """
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not JSON ({error}); delete it to make it again") from None
    problem = jsonschema.exceptions.best_match(_validator(kind).iter_errors(record))
    if problem is not None:
        where = problem.json_path.removeprefix("$.") if problem.path else "the file"
        message = problem.message if len(problem.message) < 200 else problem.message[:200] + " ..."
        raise UserError(f"{path} is not a {kind} of earmark: {where}: {message}; delete it to make it again")
    return dict(record)


def read_results(paths: Iterable[Path]) -> list[Result]:
    """Read result files, sorted by path, each once."""
    return [Result(str(path), read_record(path, "result")) for path in sorted(set(paths))]


def read_timings(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read timing files by path, sorted."""
    return {str(path): read_record(path, "timing") for path in sorted(set(paths))}


def read_probes(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read the records of linear probes by path, sorted."""
    return {str(path): read_record(path, "probe") for path in sorted(set(paths))}


def _made(record: dict[str, Any]) -> dict[str, Any]:
    """Return the code digest and commit of a record."""
    made = record["provenance"]
    git = made.get("git") or {}
    commit = f"{git['commit']}{'-dirty' if git.get('dirty') else ''}" if "commit" in git else None
    return {"code": made.get("code"), "commit": commit}


def _shared(result: Result) -> dict[str, Any]:
    """Return the columns that all rows of a result have in common."""
    asked, reduction, timing = result.asked, result.record["reduction"], result.record["timing"]
    return {
        "system": result.record["system"],
        "labels": ",".join(sorted(result.record["labels"])),
        **{name: asked[name] for name in ("task", "profile", "model", "method", "reducer", "keep_ratio")},
        "kind": asked.get("kind"),
        "keep_tokens": asked["keep_tokens"],
        "keep_ratio_effective": reduction["keep_ratio_effective"],
        "layer": reduction["layer"],
        "seed": asked["seed"],
        **{name: result.record["counts"][name] for name in COUNTS},
        **{f"{stage}_s": (timing["stages"][stage] or {}).get("median_s") for stage in STAGES},
        **{name: timing[name] for name in ("real_time_factor", "peak_memory_bytes")},
        **{name: timing[name] for name in ("device", "dtype", "attention")},
        **_made(result.record),
        "result": result.path,
    }


def _metrics(result: Result) -> Iterator[dict[str, Any]]:
    """Yield a row for each metric, over all classes and for each."""
    for name, metric in result.record["metrics"].items():
        yield {"metric": name, **metric}
    for row in result.record["per_class"]:
        yield {"metric": f"accuracy/{row['class']}", **row["accuracy"]}
        for name in ("precision", "f1"):
            yield {"metric": f"{name}/{row['class']}", "value": row[name], "n": row["n"]}
    for row in result.record["per_group"]:
        yield {"metric": f"{row['metric']}@{row['facet']}={row['group']}", **row["score"]}


def _difference(result: Result, base: dict[tuple[Any, ...], tuple[int, int]]) -> dict[str, Any] | None:
    """Return the row that compares a result with the answers of its base, if they share samples.

    The difference is that of accuracies (above 0 is better) or of word error rates (above 0 is worse).
    """
    ours = result.answers()
    both = sorted(ours.keys() & base.keys())
    if not both:
        return None
    asked = result.asked
    names = (
        asked["task"],
        asked["model"],
        asked["method"],
        str(asked["keep_ratio"] or asked["keep_tokens"]),
    )
    pairs = [ours[key][0] for key in both], [base[key][0] for key in both]
    drawn = generator(asked["seed"], "paired difference", *names)
    found: Comparison | RateComparison
    if result.headline == "wer":
        found = compare_rates(*pairs, [ours[key][1] for key in both], drawn)
    else:
        found = compare([bool(hit) for hit in pairs[0]], [bool(hit) for hit in pairs[1]], drawn)
    return {
        "metric": DIFFERENCE,
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "interval": "paired bootstrap",
        "n": found.n,
        "p_value": found.p_value,
    }


def _timing_rows(path: str, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the measured speed-up and the FLOP line of each point of a timing file."""
    for point in record["points"]:
        shared = {
            "system": TIMING,
            "labels": ",".join(sorted(record["labels"])),
            "model": record["model"],
            **{name: point[name] for name in ("method", "keep_ratio", "layer", "select_s", "prefill_s")},
            "keep_ratio_effective": point["tokens_after"] / record["audio_tokens"],
            **{name: record[name] for name in ("device", "dtype", "attention")},
            **_made(record),
            "result": path,
        }
        yield {
            **shared,
            "metric": "prefill_speedup",
            "value": point["speedup"],
            "low": point["speedup_low"],
            "high": point["speedup_high"],
            "interval": "range of repeats",
            "n": record["repeats"],
        }
        yield {**shared, "metric": "flop_speedup", "value": point["flop_speedup"]}


def summarize(results: Sequence[Result], timings: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the long table: sorted, so the order of the inputs does not matter."""
    bases: dict[str, Result] = {}
    for result in results:
        if result.is_base:
            bases.setdefault(result.comparable(), result)
    rows = []
    # One base after another, so that only one base's answers are in memory.
    for key in sorted({result.comparable() for result in results}):
        base = bases[key].answers() if key in bases else {}
        for result in (each for each in results if each.comparable() == key):
            shared = _shared(result)
            rows += [{**shared, **metric} for metric in _metrics(result)]
            difference = None if result.is_base or not base else _difference(result, base)
            rows += [{**shared, **difference}] if difference else []
    for path, record in timings.items():
        rows += _timing_rows(path, record)
    table = pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)
    by = [*ORDER, "keep_ratio", "keep_tokens", "seed", "result", "metric"]
    descending = {"keep_ratio", "keep_tokens"}
    return table.sort_values(
        by, ascending=[name not in descending for name in by], kind="stable", ignore_index=True
    )


def write_summary(table: pd.DataFrame, csv: Path, parquet: Path) -> None:
    """Write the table as Parquet and, with spreadsheet formulas made harmless, as CSV."""
    with replacing(parquet) as partial:
        table.to_parquet(partial, index=False)
    plain = table.copy()
    for name in (name for name, kind in DTYPES.items() if kind == "str"):
        # A spreadsheet runs cells that begin like this; a quote in front makes them text.
        formula = plain[name].str.match(r"\s*[=+\-@\t\r]", na=False)
        plain[name] = plain[name].mask(formula, "'" + plain[name])
    with replacing(csv) as partial:
        plain.to_csv(partial, index=False, lineterminator="\n")
