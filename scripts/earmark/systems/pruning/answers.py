"""What a model said to each sample: one line each, written as they come, and what made them.

Answers know nothing of parsers, metrics or titles: how they are read and scored can change without asking the
model again. Fields: answer.schema.json, answers.schema.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jsonschema

from earmark.config.schema import check_fits
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.jsonl import read_jsonl


@dataclass(frozen=True)
class Answered:
    """A sample and what the model wrote, one text for each of its windows; failed where it wrote none."""

    clip_id: str
    reason: str | None
    """Why there is no answer; None where there is one."""
    prompt: str
    """Digest of the prompt and the system turn."""
    group: str
    truth: str
    """The right option's text, or the transcript."""
    options: list[str]
    duration_s: float
    truncated: bool
    windows: int
    answer: list[str]
    tokens_before: int | None = None
    tokens_after: int | None = None
    tokens_generated: int | None = None
    cache_bytes: int | None = None
    batch_rows: int | None = None
    seconds: dict[str, float] | None = None
    """This sample's share of its batch, by stage; load, mel and encode from when the features were made."""
    tokens_merged: int | None = None
    """Tokens that live on in another one's state."""
    share_of_layers: float | None = None
    """Share of the audio tokens that a layer saw, mean over all layers."""

    @property
    def failed(self) -> bool:
        """Whether it gave no answer: it is then neither right nor wrong."""
        return self.reason is not None


def read(path: Path) -> tuple[Json, list[Answered]]:
    """Read the record of some answers and the rows beside it.

    Raises:
        UserError: either is missing, damaged or of another version, or they don't belong together.

    """
    rows = path.with_suffix(".jsonl")
    again = f"delete {path} to have the model answer again"
    try:
        record = json.loads(path.read_text())
        check_fits(record, "answers")
        found = [Answered(**row) for row in read_jsonl(rows)]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; {again}") from None
    except (ValueError, TypeError, jsonschema.ValidationError) as error:
        why = error.message if isinstance(error, jsonschema.ValidationError) else error
        raise UserError(f"{path} or its rows are no answers of this version ({why}); {again}") from None
    counts = record["counts"]
    if len(found) != counts["asked"] or sum(row.failed for row in found) != counts["failed"]:
        raise UserError(f"{rows} has {len(found)} answers, {path} counts {counts['asked']}; {again}")
    return record, found
