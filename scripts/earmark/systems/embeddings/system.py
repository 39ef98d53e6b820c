"""Embeddings: layers of models stored as files, and what a linear probe reads off them."""

from __future__ import annotations

from earmark.systems.contract import Column, Effort, Lazy, ResultType, System
from earmark.systems.embeddings import request
from earmark.systems.embeddings.config import Embeddings
from earmark.systems.embeddings.probe import request as probing

REPORT = "earmark.systems.embeddings.report"

SYSTEM = System(
    name="embeddings",
    title="Embeddings",
    order=30,
    types=(
        ResultType(
            "probe",
            schema="probe",
            rows=Lazy(f"{REPORT}.rows:probe"),
            listed=False,
            pattern=rf"{probing.FOLDER}[a-z][a-z0-9.-]*/[a-z][a-z0-9_]*\.json",
        ),
    ),
    results=probing.targets,
    files=request.every_path,
    check_target=probing.check_any_target,
    behind=probing.behind,
    check=request.check,
    tasks=lambda settings: {task for block in settings.of(Embeddings).embeddings for task in block.tasks},
    config=Embeddings,
    efforts={"embeddings": Effort(per_audio_s=0.05, runs="encoder")},
    outputs=("embeddings", "caption"),
    columns=(
        Column("probed_layer", "str", "the layer that the probe reads, as in the path of its embeddings"),
        Column("pooling", "str", "how the states of a clip become one vector"),
        Column("span", "str", "which states of a clip"),
    ),
    first=Lazy(f"{REPORT}.first:answer"),
    sections=Lazy(f"{REPORT}.sections:sections"),
)
