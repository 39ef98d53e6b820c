"""Encoder scoring: audio encoders told apart by what a language model learns to hear through them."""

from __future__ import annotations

from earmark.systems.contract import Column, Entries, Lazy, ResultType, System
from earmark.systems.encoders import request, trained
from earmark.systems.encoders.config import Encoders
from earmark.systems.encoders.entries import Encoder, Suite

REPORT = "earmark.systems.encoders.report"
PLACE = rf"results/encoders/{request.NAME}/{request.NAME}"

SYSTEM = System(
    name="encoders",
    title="Audio encoders",
    order=40,
    types=(
        ResultType(
            "score",
            schema="encoder_score",
            rows=Lazy(f"{REPORT}.rows:rows"),
            pattern=rf"{PLACE}/(?!scores\.json){request.DATASET}\.json",
            rows_named_by=("id", "reference"),
        ),
        ResultType(
            "table",
            schema="encoder_table",
            rows=Lazy(f"{REPORT}.rows:rows"),
            listed=False,
            pattern=rf"{PLACE}/scores\.json",
        ),
    ),
    results=request.every_result,
    check_target=request.check_target,
    behind=request.behind,
    check=request.check,
    models=trained.models,
    config=Encoders,
    entries=(Entries("encoders", Encoder), Entries("suites", Suite)),
    columns=(
        Column("suite", "str", "what a scored encoder was trained on", heading="suite"),
        Column("decoder", "str", "the language model that reads a scored encoder", heading="language model"),
        Column("compat", "str", "`xares`: as upstream's code does it", heading="compat"),
        Column("steps", "Int64", "optimiser steps of the training", heading="steps"),
    ),
    first=Lazy(f"{REPORT}.first:answer"),
    sections=Lazy(f"{REPORT}.sections:sections"),
    appendices=Lazy(f"{REPORT}.wrong:appendices"),
    page_files=request.page_files,
    templates=("earmark/systems/encoders/report/wrong_answers.html",),
    checks=Lazy(f"{REPORT}.doctor:checks"),
    imports=("xares_llm",),
    on_main_page=False,
)
