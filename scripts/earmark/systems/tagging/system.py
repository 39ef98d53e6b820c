"""Audio tagging: Fast AST's students and teachers, and what merging tokens costs and saves."""

from __future__ import annotations

from earmark.systems.contract import Entries, ResultType, System
from earmark.systems.tagging import request
from earmark.systems.tagging.config import TaggedTask, Tagging
from earmark.systems.tagging.entries import Recipe, Student, Teacher, kinds, options_of

NAMES = r"[a-z][a-z0-9_]*_[a-z][a-z0-9-]*_r[a-z0-9-]+\.json"

SYSTEM = System(
    name="tagging",
    title="Audio tagging",
    order=20,
    types=(
        ResultType(
            "tagging",
            schema="tagging_result",
            pattern=rf"results/tagging/{NAMES}",
            again="earmark.reproduction.tagged",
        ),
        ResultType(
            "speed",
            schema="tagging_speed",
            pattern=rf"results/tagging/speed/{NAMES}",
            again="earmark.reproduction.student_speed",
        ),
    ),
    results=lambda settings: [request.path(*cell) for cell in request.cells(settings)],
    files=lambda settings: ["results/tagging_page.csv", "results/tagging_page.html"],
    check_target=request.check_any_target,
    check=request.check,
    config=Tagging,
    task_keys=TaggedTask,
    kinds=lambda: {f"teachers/{kind}": options_of(kind) for kind in kinds()},
    entries=(
        Entries("recipes", Recipe),
        Entries("students", Student),
        Entries("teachers", Teacher),
    ),
    on_main_page=False,
)
