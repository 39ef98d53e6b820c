"""The questions of a split: one sample a clip, its options drawn, its prompt filled, its windows cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.models.features import FeatureRow
from earmark.scoring import question
from earmark.scoring.question import Question
from earmark.systems.pruning import plan
from earmark.systems.pruning.cell import Cell


@dataclass(frozen=True)
class Sample:
    """One question about one clip; ``label`` is the right answer, an option's text or a transcript.

    ``windows`` are ``[start, end)`` stretches in audio tokens; ``prepared`` are the seconds that loading, mel
    and encoding took.
    """

    clip_id: str
    key: str
    label: str
    duration_s: float
    question: Question
    windows: tuple[tuple[int, int], ...]
    truncated: bool = False
    failure: str | None = None
    group: str = ""
    prepared: Mapping[str, float] = field(default_factory=dict)


def samples_of(cell: Cell, rows: Sequence[FeatureRow], tokens_per_second: float) -> list[Sample]:
    """Return the questions of the split; a clip that failed before stays, as a failed sample."""
    classes = sorted({row.clip.labels[0] for row in rows if row.clip.labels})
    limit = int(cell.model.max_audio_s * tokens_per_second)
    samples = []
    for row in rows:
        clip = row.clip
        cut, truncated, failure = plan.windows(row.tokens, limit, cell.task.long_audio)
        samples.append(
            Sample(
                clip.clip_id,
                clip.key,
                clip.text if cell.task.transcribed else clip.labels[0],
                clip.duration_s,
                _question(cell, clip, classes),
                cut if clip.ok else (),
                truncated,
                failure if clip.ok else clip.reason,
                clip.group,
                {"load": row.load_s, "mel": row.mel_s, "encode": row.encode_s},
            )
        )
    return samples


def _question(cell: Cell, clip: Clip, classes: Sequence[str]) -> Question:
    """Return what is asked about a clip; options are the task's, else the clip's own, else drawn.

    Raises:
        UserError: the right answer is none of the options.

    """
    task, template = cell.task, cell.task.prompt.template
    if cell.task.transcribed:
        # The clip's text is the answer here, so it is no question.
        return question.ask_freely(template, task.question or "")
    if task.answers == "number":
        return question.ask_freely(template, task.question or clip.text)
    label = clip.labels[0]
    drawn = (task.options, cell.run.seed, clip.clip_id)
    options = task.choices or clip.options or question.draw_options(label, classes, *drawn)
    if label not in options:
        raise UserError(
            f"task '{task.name}': the right answer of clip {clip.clip_id}, '{label}', is none of the "
            f"options {list(options)}; mend the clip's label or the task's choices"
        )
    return question.ask(
        template,
        task.question or clip.text,
        options,
        label,
        task.prompt.option_mark,
        fixed=bool(task.choices),
    )
