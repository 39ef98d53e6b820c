"""One cell of the grid: a task, a model, a method, a budget; from features to result files."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earmark import device as devices
from earmark.errors import UserError
from earmark.evaluation import plan, result, runner
from earmark.evaluation.plan import Sample
from earmark.features import FeatureRow, FeatureStore, read_index
from earmark.files import exclusive, sha256, write_json
from earmark.models.checkpoint import Checkpoint
from earmark.models.loading import Load
from earmark.records import OK, Clip, read_jsonl, write_jsonl
from earmark.reduction.loader import load
from earmark.tasks import question
from earmark.timing import MemoryWatch


@dataclass(frozen=True)
class Cell:
    """What was asked: the parts of the config that this job reads, as the rule passes them."""

    task: dict[str, Any]
    model: dict[str, Any]
    method: dict[str, Any]
    run: dict[str, Any]
    code: str

    @classmethod
    def parse(cls, text: str, code: str) -> Cell:
        """Read the rule's JSON.

        Raises:
            UserError: it is not JSON or lacks a part.

        """
        try:
            content = json.loads(text)
            return cls(content["task"], content["model"], content["method"], content["run"], code)
        except (json.JSONDecodeError, KeyError) as error:
            raise UserError(f"--settings: not the JSON that the evaluate rule passes ({error})") from None

    def digest(self, inputs: Sequence[str]) -> str:
        """Return what identifies this cell's rows: settings, code and inputs.

        Settings that only judge finished rows are left out: raising the share of samples that may
        fail must not cost the finished ones.
        """
        run = {key: self.run[key] for key in ("seed", "device", "batch_audio_s", "warm_up")}
        content = json.dumps([self.task, self.model, self.method, run, self.code, *inputs], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def samples_of(cell: Cell, rows: Sequence[FeatureRow], tokens_per_second: int) -> list[Sample]:
    """Return the questions of the split; a clip that failed before stays, as a failed sample."""
    classes = sorted({row.clip.labels[0] for row in rows})
    limit = int(cell.model["max_audio_s"] * tokens_per_second)
    samples = []
    for row in rows:
        clip = row.clip
        cut, truncated, failure = plan.windows(row.tokens, limit, cell.task["long_audio"])
        samples.append(
            Sample(
                clip.clip_id,
                clip.key,
                clip.text if cell.task["metric"] == "wer" else clip.labels[0],
                clip.duration_s,
                _question(cell, clip, classes),
                cut if clip.ok else (),
                truncated,
                failure if clip.ok else clip.reason,
                clip.group,
            )
        )
    return samples


def _question(cell: Cell, clip: Clip, classes: Sequence[str]) -> question.Question:
    """Return what is asked about a clip; options are the task's, else the clip's own, else drawn."""
    task, template = cell.task, cell.task["prompt"]["template"]
    if task["metric"] == "wer":
        # The clip's text is the answer here, so it is no question.
        return question.ask_for_words(template, task["question"] or "")
    label = clip.labels[0]
    drawn = (task["options"], cell.run["seed"], clip.clip_id)
    options = task["choices"] or clip.options or question.draw_options(label, classes, *drawn)
    return question.ask(
        template,
        task["question"] or clip.text,
        options,
        label,
        task["prompt"]["option_mark"],
        fixed=bool(task["choices"]),
    )


def run(
    cell: Cell,
    features: Sequence[Path],
    indexes: Sequence[Path],
    checkpoint: Path,
    output: Path,
    work: Path,
    threads: int,
) -> None:
    """Evaluate the cell and write ``output`` (JSON) and its rows beside it (JSONL).

    Rows in progress are kept below ``work`` until both files stand, so a killed run continues.

    Raises:
        UserError: settings that don't fit, damaged inputs, or more failed samples than allowed.

    """
    load_settings = Load(**cell.model["load"])
    load_settings.check()
    device = devices.prepare(cell.run["device"], threads)
    memory = MemoryWatch(device)
    reducer = load(cell.method["reducer"], cell.method["options"])
    model = Checkpoint.read(checkpoint)
    family = importlib.import_module(f"earmark.models.{cell.model['kind']}")
    # A family that takes no more at once than it was trained on knows so; config can only lower it.
    # Its encoder took what is longer in parts of equal length, which `window` meets exactly; `truncate`
    # keeps the beginning of these states, not those of a beginning encoded by itself.
    limit = min(cell.model["max_audio_s"], family.WINDOW_S or math.inf)
    cell = replace(cell, model=cell.model | {"max_audio_s": limit})
    parser = importlib.import_module(f"earmark.tasks.{cell.task['parser']}")
    scoring = importlib.import_module(f"earmark.scoring.{cell.task['scoring']}")

    def judge(sample: Sample, texts: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = scoring.judge(texts, parser.parse, sample.question, sample.label, cell.task)
        return found

    read = [read_index(path) for path in indexes]
    everything = [row for rows, _ in read for row in rows if row.clip.status in (OK, "failed")]
    everything.sort(key=lambda row: row.clip.clip_id)
    by = "label" if cell.task["metric"] == "classes" else "group"
    kept = plan.left_in(everything, cell.task["leave_out"])
    chosen = plan.choose(kept, cell.task["sample_limit"], cell.run["seed"], by)
    samples = samples_of(cell, chosen, family.TOKENS_PER_SECOND)
    inputs = [model.digest, *(sha256(path) for path in indexes)]
    with exclusive(work) as folder, FeatureStore(features) as store:
        journal_path = folder / f"{cell.digest(inputs)}.jsonl"
        for stale in folder.glob("*.jsonl"):
            if stale != journal_path:
                stale.unlink()
        done = read_jsonl(journal_path, torn=True) if journal_path.exists() else []
        decoder = family.Decoder(
            model, str(device), cell.model["dtype"], cell.model["attention"], load=load_settings
        )
        loop = runner.Loop(
            decoder=decoder,
            store=store,
            samples=samples,
            system=cell.task["prompt"]["system"],
            reduction=runner.Reduction(
                reducer,
                cell.method["keep_ratio"],
                cell.method["keep_tokens"],
                cell.method["layer"],
                cell.run["seed"],
                cell.method["reference"],
            ),
            max_new_tokens=cell.task["max_new_tokens"],
        )
        batches = plan.batches(samples, int(cell.run["batch_audio_s"] * family.TOKENS_PER_SECOND))
        with runner.open_journal(journal_path) as journal:
            rows = runner.evaluate(
                loop,
                batches,
                {row["clip_id"]: row for row in done},
                journal,
                cell.run["warm_up"],
                lambda sample, answers: result.sample_row(sample, answers, judge),
            )
        for sample in samples:
            if sample.failure:
                rows[sample.clip_id] = result.failed_row(sample, sample.failure)
        ordered = [rows[sample.clip_id] for sample in samples]
        result.check_budget(ordered, cell.run["max_failed_share"], output)
        timing = {
            "device": devices.describe(device),
            "dtype": cell.model["dtype"],
            "attention": cell.model["attention"],
            "threads": threads,
            "warm_up": cell.run["warm_up"],
            "batch_rows_max": max((row["batch_rows"] or 0 for row in ordered), default=0),
            "batches_halved": loop.halved,
            "peak_memory_bytes": memory.peak(),
            "memory": memory.record()
            | dict(zip(("weights_bytes", "streamed_bytes"), decoder.weight_bytes(), strict=True)),
        }
        origin = {
            "model": model.record,
            "data": read[0][1]
            | {
                "index_sha256": inputs[1:],
                "licences": sorted({r.clip.licence for r in chosen if r.clip.licence}),
            },
        }
        skipped = len(everything) - len(chosen)
        record = result.record(cell, ordered, chosen, skipped, timing, origin, reducer.lowest_layer, scoring)
        write_jsonl(output.with_suffix(".jsonl"), ordered)
        write_json(output, record)
    shutil.rmtree(work, ignore_errors=True)
    print(result.one_line(record), flush=True)
