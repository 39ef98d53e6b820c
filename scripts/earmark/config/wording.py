"""How a task is asked and scored, in its own wording or a profile's; what can't work is said at once.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Mapping
from functools import cache
from typing import Any

from earmark.config.files import overlaid
from earmark.core.errors import UserError, nearest
from earmark.core.places import SCRIPTS
from earmark.scoring import catalogue

PARSERS = SCRIPTS / "earmark" / "scoring" / "parsers"
ASKED = ("question", "options", "choices", "prompt")
SCORED = ("title", "parser", "metric", "normaliser")
LIMITS = ("max_new_tokens", "long_audio", "sample_limit", "balanced", "leave_out")
FIELDS = frozenset({"question", "options"})


@cache
def _is_parser(name: str) -> bool:
    """Whether a file of scripts/earmark/scoring/parsers/ defines a parser of that name."""
    path = PARSERS / f"{name}.py"
    nodes = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    return any(isinstance(node, ast.FunctionDef) and node.name == "parse" for node in nodes)


def reads(parser: str) -> str:
    """Return what a parser reads out of a reply, by its name: a transcript, a number or a choice."""
    return next((kind for kind in ("transcript", "number") if kind in parser), "choice")


def worded(task: Mapping[str, Any], profile: str | None = None) -> dict[str, Any]:
    """Return how a task is asked and scored, in its own wording or laid over by a profile's."""
    asked: dict[str, Any] = overlaid(
        {key: task[key] for key in (*ASKED, *SCORED, *LIMITS)}, task["profiles"][profile] if profile else {}
    )
    return asked


def check(name: str, task: Mapping[str, Any]) -> None:
    """Check that prompt, parser and metric of every wording fit together.

    Raises:
        UserError: names the key and what it should be.

    """
    for profile in (None, *task["profiles"]):
        where = f"task '{name}': " + (f"profiles.{profile}." if profile else "")
        _check(where, worded(task, profile))


def _check(where: str, asked: Mapping[str, Any]) -> None:
    """Check one wording."""
    try:
        answers = catalogue.of_answers(asked["metric"]).answers
    except UserError as error:
        raise UserError(f"{where}metric: {error}") from None
    parser, template = asked["parser"], asked["prompt"]["template"]
    if not _is_parser(parser):
        known = filter(_is_parser, (path.stem for path in PARSERS.glob("*.py")))
        raise UserError(f"{where}parser: unknown parser '{parser}'; {nearest(parser, known)}")
    if answers != reads(parser):
        fix = {"transcript": "transcript (or a reference_transcript)", "number": "number or reference_number"}
        raise UserError(
            f"{where}parser: '{parser}' doesn't read what metric '{asked['metric']}' scores; set it to "
            f"{fix.get(answers, 'letter or label')}"
        )
    try:
        fields = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise UserError(
            f"{where}prompt.template: {error}; write a brace that is to be seen twice: {{{{ or }}}}"
        ) from None
    if any(spec or conversion for _, _, spec, conversion in fields):
        raise UserError(
            f"{where}prompt.template: fields take no format; write {{question}} or {{options}} alone"
        )
    found = {field for _, field, _, _ in fields if field is not None}
    if unknown := sorted(found - FIELDS):
        raise UserError(
            f"{where}prompt.template: unknown field {{{unknown[0]}}}; known: {{question}}, {{options}}"
        )
    if answers != "choice" and "options" in found:
        raise UserError(
            f"{where}prompt.template: a {answers} has no {{options}}; write what is to be done instead"
        )
    if answers == "choice" and "options" not in found and not asked["choices"]:
        raise UserError(f"{where}prompt.template: {{options}} is missing, so the options would not be shown")
