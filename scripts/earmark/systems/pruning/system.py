"""Token reduction: tasks answered with fewer audio tokens, and what that saves of prefill."""

from __future__ import annotations

from earmark.systems.contract import Column, Effort, Lazy, ResultType, System
from earmark.systems.pruning import request, targets
from earmark.systems.pruning.config import Pruning

REPORT = "earmark.systems.pruning.report"

SYSTEM = System(
    name="pruning",
    title="Token reduction",
    order=10,
    types=(
        ResultType(
            "evaluation",
            schema="result",
            rows=Lazy(f"{REPORT}.rows:evaluation"),
            about=Lazy(f"{REPORT}.rows:about"),
            pattern=r"results/(?:[a-z][a-z0-9.-]*/)?[a-z][a-z0-9_]*_[a-z][a-z0-9-]*_[0-9.]+t?\.json",
            rows_named_by=("clip_id",),
            rows_vary=("seconds", "batch_rows", "cache_bytes"),
        ),
        ResultType(
            "prefill",
            schema="timing",
            rows=Lazy(f"{REPORT}.rows:timing"),
            listed=False,
            pattern=rf"results/{request.TIMING}/[a-z][a-z0-9.-]*_[0-9]+s\.json",
            varies=(
                *("device", "dtype", "attention", "threads", "clock"),
                *(f"points.{key}" for key in request.MEASURED),
            ),
        ),
    ),
    results=request.results,
    check_target=targets.check_target,
    behind=targets.behind,
    check=request.check,
    tasks=lambda settings: {task for block in settings.of(Pruning).grid for task in block.tasks},
    config=Pruning,
    folders=(request.TIMING,),
    efforts={
        "answer": Effort(per_audio_s=0.001, split="test", runs="decoder", shared=True),
        "prefill": Effort(seconds=70.0),
    },
    outputs=("answers",),
    imports=("audiomarathon",),
    columns=(
        Column("profile", "str", "wording of the prompts"),
        Column("reducer", "str", "the method's file in reduction/ or, behind kv-, compression/"),
        Column("method", "str", "the method of reduction, or a variant of it that config names"),
        Column("layer", "Int64", "the decoder layer before which tokens were dropped"),
        Column("compresses", "str", "`tokens`: of the prompt; `cache`: keys and values of every layer"),
        Column("keep_ratio", "float64", "share of audio tokens asked to be kept", descending=True),
        Column("keep_tokens", "Int64", "number of audio tokens asked to be kept", descending=True),
        Column("keep_ratio_effective", "float64", "share of audio tokens that was kept"),
        Column("tokens_merged", "float64", "mean of the audio tokens that live on in another one's state"),
        Column("share_of_layers", "float64", "share of audio tokens that a layer saw, mean over the layers"),
        Column("clock", "str", "of prefill timings: `processor` time, where one thread computed, or `wall`"),
        Column("alone", "Int64", "of prefill timings: 1 where no other job of the run ran meanwhile, else 0"),
    ),
    compare=Lazy(f"{REPORT}.rows:compared"),
    point=Lazy(f"{REPORT}.point:point"),
    first=Lazy(f"{REPORT}.first:answer"),
    sections=Lazy(f"{REPORT}.sections:sections"),
    papers=Lazy(f"{REPORT}.papers:tables"),
    appendices=Lazy(f"{REPORT}.samples:appendices"),
    templates=tuple(f"earmark/systems/pruning/report/{name}.html" for name in ("pairs", "wrong")),
    page_files=lambda settings: [request.WRONG_ANSWERS],
)
