"""A result of pruned evaluation and its samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.versions import told
from earmark.scoring import catalogue
from earmark.scoring.contract import AnswerMetric, Points

Answers = Mapping[tuple[Any, ...], Points]


@dataclass(frozen=True)
class Result:
    """A result of pruned evaluation; its samples are read when asked for, they can be many."""

    path: str
    record: Json

    @property
    def asked(self) -> Json:
        """What the evaluation was asked for."""
        return dict(self.record["asked"])

    @property
    def is_base(self) -> bool:
        """Whether this is the unpruned model, the one to compare with."""
        return bool(self.asked["reducer"] == "base")

    @property
    def metric(self) -> AnswerMetric:
        """How its answers were scored."""
        return catalogue.of_answers(self.asked["metric"])

    def comparable(self) -> str:
        """Return a key that is equal for two results that differ in the reduction alone."""
        asked, timing, made = self.asked, self.record["timing"], self.record["provenance"]
        wording = ("prompt", "system_prompt", "profile", "parser", "metric", "normaliser")
        names = ("task", "model", *wording, "max_new_tokens", "long_audio", "max_audio_s", "seed")
        model = {key: value for key, value in made["model"].items() if key != "folder"}
        same = [asked[name] for name in names]
        there = [self.record["labels"], timing["device"], timing["dtype"], model, made["data"]]
        return json.dumps([same, *there, told(made["packages"])], sort_keys=True)

    def across(self) -> str:
        """Return a key that is equal for two results that differ in the reduction, or in the task.

        So it leaves out what comes with a task: its wording, limits and data.
        """
        asked, timing, made = self.asked, self.record["timing"], self.record["provenance"]
        same = [asked[name] for name in ("model", "profile", "metric", "normaliser", "seed")]
        model = {key: value for key, value in made["model"].items() if key != "folder"}
        there = [self.record["labels"], timing["device"], timing["dtype"], model, told(made["packages"])]
        return json.dumps([same, *there], sort_keys=True)

    def samples(self) -> Iterator[Json]:
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
                    row["clip_id"], row["truth"], row["options"], row["errors"]
                except (json.JSONDecodeError, TypeError, KeyError) as error:
                    why = f"it lacks {error}" if isinstance(error, KeyError) else error
                    raise UserError(
                        f"{path}, line {number} is not a sample of earmark ({why}); delete it and "
                        f"{self.path} to make both again"
                    ) from None
                yield row
        counts = self.record["counts"]
        if (scored, correct) != (counts["scored"], counts["correct"]):
            raise UserError(
                f"{path} has {scored} scored and {correct} correct samples, {self.path} counts "
                f"{counts['scored']} and {counts['correct']}; delete both to make them again"
            )

    def answers(self) -> Answers:
        """Return each scored sample's part of the headline, so many of so many, by clip and question."""
        points = self.metric.points
        return {question(row): points(row) for row in self.samples() if row["status"] == "scored"}


def question(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two samples the same: the clip, the truth and the options in their order."""
    return (row["clip_id"], row["truth"], *row["options"])


def sample_set(answers: Answers) -> str:
    """Return a short digest of the questions answered, whatever their order."""
    digest = hashlib.sha256()
    for key in sorted(answers, key=str):
        digest.update(json.dumps(key).encode())
    return digest.hexdigest()[:8]
