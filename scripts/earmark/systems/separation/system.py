"""Separation by text: AudioSep, and DP-LASS's adapters of domains."""

from __future__ import annotations

from earmark.systems.contract import Column, Effort, Entries, Lazy, ResultType, System
from earmark.systems.separation import request
from earmark.systems.separation.config import Mixtures, SeparationConfig, Separator

REPORT = "earmark.systems.separation.report"

SYSTEM = System(
    name="separation",
    title="Separation by text",
    order=40,
    types=(
        ResultType(
            "separation",
            schema="separation",
            pattern=rf"results/separation/[a-z][a-z0-9_]*_({'|'.join(request.ROUTERS)})\.json",
            rows=Lazy(f"{REPORT}.rows:rows"),
            about=Lazy(f"{REPORT}.comparisons:about"),
            rows_named_by=("sample",),
        ),
    ),
    results=request.results,
    check_target=request.check_target,
    behind=request.behind,
    check=request.check,
    tasks=request.used_tasks,
    wheels=request.wheels,
    config=SeparationConfig,
    entries=(Entries("separators", Separator), Entries("mixtures", Mixtures, listed_as=("sets",))),
    efforts={
        # A network as small as the demo's; on a CPU, one of AudioSep's size takes 200 times that.
        "separator": Effort(seconds=400.0),
        "separation_adapter": Effort(seconds=100.0),
        "separation_scores": Effort(per_audio_s=0.05, split="test"),
    },
    outputs=("separators", "separated"),
    columns=(
        Column(
            "router", "str", "which model's estimate counts: `base`, `text`, ... `oracle`", heading="router"
        ),
        Column("adapter", "str", "what adapters of domains are", heading="adapter"),
    ),
    compare=Lazy(f"{REPORT}.comparisons:rows"),
    first=Lazy(f"{REPORT}.first:answer"),
    papers=Lazy(f"{REPORT}.first:papers"),
    sections=Lazy(f"{REPORT}.sections:sections"),
    appendices=Lazy(f"{REPORT}.listen:appendices"),
    page_files=request.page_files,
    checks=Lazy(f"{REPORT}.checks:checks"),
    templates=("earmark/systems/separation/report/listen.html",),
    on_main_page=False,
)
