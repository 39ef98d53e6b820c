"""Embeddings: layers of models stored as files, and what a linear probe reads off them."""

from __future__ import annotations

from earmark.systems.contract import ResultType, System
from earmark.systems.embeddings import request
from earmark.systems.embeddings.config import Embeddings
from earmark.systems.embeddings.probe import request as probing

SYSTEM = System(
    name="embeddings",
    title="Embeddings",
    order=30,
    types=(
        ResultType(
            "probe",
            schema="probe",
            pattern=rf"{probing.FOLDER}[a-z][a-z0-9.-]*/[a-z][a-z0-9_]*\.json",
            again="earmark.reproduction.probed",
        ),
    ),
    results=probing.targets,
    files=request.every_path,
    check_target=probing.check_any_target,
    check=request.check,
    tasks=lambda settings: {task for block in settings.content["embeddings"] for task in block["tasks"]},
    config=Embeddings,
)
