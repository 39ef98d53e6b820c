"""Audio tagging: Fast AST's students and teachers, and what merging tokens costs and saves."""

from __future__ import annotations

from earmark.systems.contract import Column, Effort, Entries, Lazy, ResultType, System
from earmark.systems.tagging import request
from earmark.systems.tagging.config import TaggedTask, Tagging
from earmark.systems.tagging.entries import Recipe, Student, Teacher, kinds, options_of

REPORT = "earmark.systems.tagging.report"
NAMES = r"[a-z][a-z0-9_]*_[a-z][a-z0-9-]*_r[a-z0-9-]+\.json"

SYSTEM = System(
    name="tagging",
    title="Audio tagging",
    order=20,
    types=(
        ResultType(
            "quality",
            schema="tagging_result",
            rows=Lazy(f"{REPORT}.rows:quality"),
            pattern=rf"results/tagging/{NAMES}",
            varies=("speed",),
            rows_named_by=("fold", "seed", "clip_id"),
        ),
        ResultType(
            "speed",
            schema="tagging_speed",
            rows=Lazy(f"{REPORT}.rows:speed"),
            listed=False,
            pattern=rf"results/tagging/speed/{NAMES}",
            varies=("device", "dtype", "attention", "threads", "feature_s", "batches"),
        ),
    ),
    results=lambda settings: [request.path(*cell) for cell in request.cells(settings)],
    check_target=request.check_any_target,
    behind=request.behind,
    check=request.check,
    config=Tagging,
    task_keys=TaggedTask,
    kinds=lambda: {f"teachers/{kind}": options_of(kind) for kind in kinds()},
    entries=(
        Entries("recipes", Recipe),
        Entries("students", Student),
        Entries("teachers", Teacher),
    ),
    efforts={
        "train_student": Effort(seconds=35.0),
        "teacher": Effort(seconds=30.0),
        "tagging_speed": Effort(seconds=15.0),
    },
    usual=request.usual,
    outputs=("students", "teachers", "logits", "fbank", "predictions"),
    columns=(
        Column("recipe", "str", "how the student was trained"),
        Column("r", "str", "merging schedule of the evaluation, as in file names", rank=request.merged),
        Column("train_r", "str", "merging schedule of the training", rank=request.merged),
        Column("classes_are", "str", "`single_label` or `multi_label`"),
        Column("side", "str", "of speeds: `merged`, `unmerged`, or `strides_16`, its 16/16 baseline"),
    ),
    compare=Lazy(f"{REPORT}.results:rows"),
    point=Lazy(f"{REPORT}.point:point"),
    first=Lazy(f"{REPORT}.first:answer"),
    sections=Lazy(f"{REPORT}.sections:sections"),
    on_main_page=False,
)
