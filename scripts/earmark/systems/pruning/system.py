"""Token reduction: tasks answered with fewer audio tokens, and what that saves of prefill."""

from __future__ import annotations

from earmark.systems.contract import ResultType, System
from earmark.systems.pruning import request
from earmark.systems.pruning.config import Pruning

SYSTEM = System(
    name="pruning",
    title="Token reduction",
    order=10,
    types=(
        ResultType(
            "evaluation",
            schema="result",
            pattern=r"results/(?:[a-z][a-z0-9.-]*/)?[a-z][a-z0-9_]*_[a-z][a-z0-9-]*_[0-9.]+t?\.json",
            again="earmark.reproduction.pruned",
        ),
        ResultType(
            "prefill",
            schema="timing",
            pattern=rf"results/{request.TIMING}/[a-z][a-z0-9.-]*_[0-9]+s\.json",
            again="earmark.reproduction.timed",
        ),
    ),
    results=request.results,
    check_target=request.check_target,
    check=request.check,
    tasks=lambda settings: {task for block in settings.content["grid"] for task in block["tasks"]},
    config=Pruning,
    folders=(request.TIMING,),
)
