"""How a task is asked and scored, in its own wording or a profile's; what can't work is said at once.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import ast
import string
from functools import cache

from earmark.config.asked import Answering, Asked, Limits, Question, Scoring, Titled
from earmark.config.task import Profile, Task
from earmark.core import syntax
from earmark.core.errors import UserError, nearest
from earmark.core.places import SCRIPTS
from earmark.scoring import catalogue

PARSERS = SCRIPTS / "earmark" / "scoring" / "parsers"
DEFAULT_PROFILE = "default"
"""A task's own wording."""
FIELDS = frozenset({"question", "options"})


@cache
def _is_parser(name: str) -> bool:
    """Whether a file of scripts/earmark/scoring/parsers/ defines a parser of that name."""
    path = PARSERS / f"{name}.py"
    nodes = syntax.tree(path).body if path.is_file() else []
    return any(isinstance(node, ast.FunctionDef) and node.name == "parse" for node in nodes)


def reads(parser: str) -> str:
    """Return what a parser reads out of a reply, by its name: a transcript, a number or a choice."""
    return next((kind for kind in ("transcript", "number") if kind in parser), "choice")


def worded(name: str, task: Task, profile: str = DEFAULT_PROFILE) -> Asked:
    """Return how a task is asked and scored, in its own wording or laid over by a profile's."""
    said = Profile() if profile == DEFAULT_PROFILE else task.profiles[profile]
    own = task.parts(Limits, Answering, Scoring, Question, Titled)
    other = {key: getattr(said, key) for key in said.model_fields_set}
    if "prompt" in other:
        changed = {key: getattr(said.prompt, key) for key in said.prompt.model_fields_set}
        other["prompt"] = task.prompt.model_copy(update=changed)
    return Asked(name=name, profile=profile, **own | other)


def check(name: str, task: Task) -> None:
    """Check that prompt, parser and metric of every wording fit together.

    Raises:
        UserError: names the key and what it should be.

    """
    for profile in (DEFAULT_PROFILE, *task.profiles):
        where = f"task '{name}': " + (f"profiles.{profile}." if profile != DEFAULT_PROFILE else "")
        _check(where, worded(name, task, profile))


def _check(where: str, asked: Asked) -> None:
    """Check one wording."""
    try:
        answers = catalogue.of_answers(asked.metric).answers
    except UserError as error:
        raise UserError(f"{where}metric: {error}") from None
    parser, template = asked.parser, asked.prompt.template
    if not _is_parser(parser):
        known = filter(_is_parser, (path.stem for path in PARSERS.glob("*.py")))
        raise UserError(f"{where}parser: unknown parser '{parser}'; {nearest(parser, known)}")
    if answers != reads(parser):
        fix = {"transcript": "transcript (or a reference_transcript)", "number": "number or reference_number"}
        raise UserError(
            f"{where}parser: '{parser}' doesn't read what metric '{asked.metric}' scores; set it to "
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
    if answers == "choice" and "options" not in found and not asked.choices:
        raise UserError(f"{where}prompt.template: {{options}} is missing, so the options would not be shown")
