"""Wrong answers with what was asked, what was right and, where it is on disk, what there was to hear.

Of each section (one task, model, device, seed) half are answers the unpruned model got wrong, half are
samples it got right and a reduced run lost, run after run from the gentlest on.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from earmark.config.common import Report
from earmark.report import excerpts, wrong_answers
from earmark.report.figures import Appendix, Row
from earmark.report.material import Material
from earmark.systems.pruning.report.point import COMPARABLE
from earmark.systems.pruning.report.results import Result, question

SCHEMA = pa.schema(
    [
        ("section", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("result", pa.string()),
        ("run", pa.string()),
        ("lost", pa.bool_()),
        ("clip_id", pa.string()),
        ("prompt", pa.string()),
        ("options", pa.list_(pa.string())),
        ("answer", pa.list_(pa.string())),
        ("predicted", pa.string()),
        ("truth", pa.string()),
        ("errors", pa.string()),
        ("duration_s", pa.float64()),
        ("excerpt_s", pa.float64()),
        ("audio", pa.binary()),
    ]
)
write, load = partial(wrong_answers.write, schema=SCHEMA), partial(wrong_answers.load, schema=SCHEMA)

NAME = "wrong_answers.parquet"
"""What the file is called that the page reads."""


def collect(summary: pd.DataFrame, data: Path, shown: Report, threads: int = 1) -> list[Row]:
    """Return the rows to show.

    Excerpts are dealt out section by section in turn until they would take ``audio_mb`` in a page.

    Raises:
        UserError: the samples of a result or a shard are damaged.

    """
    same = itemgetter(*COMPARABLE)
    chosen = Material(summary).of("pruning", "evaluation")
    chosen.sort(key=lambda row: tuple(map(str, same(row))))
    sections = [list(_chosen(list(group), shown.wrong_answers)) for _, group in groupby(chosen, key=same)]
    _add_audio(sections, data, shown, threads)
    return [row for section in sections for row in section]


def _chosen(rows: Sequence[Row], most: int) -> Iterator[Row]:
    """Yield the wrong answers of one section."""
    base = next((row for row in rows if row["is_base"]), None)
    pruned = sorted((r for r in rows if not r["is_base"]), key=lambda r: (-(r["ratio"] or 0), r["run"]))
    right, taken = None, set()
    if base is not None and most:
        known = _result(base)
        right = {question(s) for s in known.samples() if s["correct"]}
        wrong = (sample for sample in known.samples() if _is_wrong(sample))
        for sample in heapq.nsmallest(most - most // 2, wrong, key=itemgetter("clip_id")):
            yield _row(base, known, sample, lost=False)
    queues = [_lost(row, right, most) for row in pruned] if most else []
    left = most // 2
    for turn in zip_longest(*queues):
        for found in turn:
            if found is not None and left and found["clip_id"] not in taken:
                taken.add(found["clip_id"])
                left -= 1
                yield found
        if not left:
            return


def _lost(row: Row, right: set[tuple[Any, ...]] | None, most: int) -> list[Row]:
    """Return what a reduced run got wrong of what the unpruned model got right (None: it isn't there)."""
    known = _result(row)
    wrong = (s for s in known.samples() if _is_wrong(s) and (right is None or question(s) in right))
    return [
        _row(row, known, sample, lost=right is not None)
        for sample in heapq.nsmallest(most, wrong, key=itemgetter("clip_id"))
    ]


def _result(row: Row) -> Result:
    return Result(row["result"], json.loads(Path(row["result"]).read_bytes()))


def _is_wrong(sample: Row) -> bool:
    return sample["status"] == "scored" and not sample["correct"]


def _row(row: Row, result: Result, sample: Row, *, lost: bool) -> Row:
    return {
        "section": name_of(row),
        **{name: row[name] for name in ("task", "model", "result", "run")},
        "lost": lost,
        "prompt": _prompt(result),
        **{
            name: sample[name]
            for name in ("clip_id", "options", "answer", "predicted", "truth", "duration_s")
        },
        "errors": result.metric.mistakes(sample),
        "excerpt_s": None,
        "audio": None,
    }


def _prompt(result: Result) -> str:
    """Return what was asked: the system prompt, and the template with the question if all clips share it."""
    asked, config = result.asked, result.record["provenance"].get("config", {})
    question = config.get("task", {}).get("question") or "(the question that comes with the clip)"
    filled = asked["prompt"].replace("{question}", question).replace("{options}", "(the options below)")
    return "\n\n".join(text for text in (asked["system_prompt"], filled) if text)


def name_of(row: Row) -> str:
    """Return what tells a section from others."""
    return json.dumps([row[name] for name in COMPARABLE], default=str)


def _add_audio(sections: Sequence[Sequence[Row]], data: Path, shown: Report, threads: int) -> None:
    """Give rows their excerpts, in turn by section, as long as the page stays within its limit."""
    left, seconds = shown.audio_mb * 1e6 / wrong_answers.BASE64, shown.audio_s
    turns = [row for turn in zip_longest(*sections) for row in turn if row is not None]
    made: dict[tuple[str, str], bytes] = {}
    for task in sorted({row["task"] for row in turns}) if left else ():
        clips = {row["clip_id"] for row in turns if row["task"] == task}
        heard = excerpts.excerpts(data, task, clips, seconds, threads)
        made |= {(task, clip): content for clip, content in heard}
    for row in turns:
        content = made.get((row["task"], row["clip_id"]))
        if content is not None and len(content) <= left:
            left -= len(content)
            row["audio"], row["excerpt_s"] = content, min(seconds, row["duration_s"])


def appendices(material: Material) -> Iterator[Appendix]:
    """Yield the wrong answers to look at and listen to, if there is a table of them."""
    path = material.file(NAME)
    rows = load(path) if path else []
    if rows:
        template = Path(__file__).with_name("wrong.html")
        yield Appendix("wrong", "Wrong answers", template, {"answers": grouped(rows)})


def grouped(answers: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return wrong answers by section, audio as the text a page can play."""
    found: dict[str, list[Row]] = {}
    for row in answers:
        found.setdefault(row["section"], []).append(wrong_answers.playable(row))
    return [(worded(key), rows) for key, rows in found.items()]


def worded(section: str) -> str:
    """Return a section of wrong answers in words."""
    named = dict(zip(COMPARABLE, json.loads(section), strict=True))
    return f"{named['task']}, model {named['model']}, {named['device']}, seed {named['seed']}"
