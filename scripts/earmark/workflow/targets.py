"""What is asked for, explained before any job: targets that cannot be made, with the nearest that can.

Snakemake reads its command line itself, or is told its targets through its API; either way it asks the
workflow of every target whether that is a rule, before it works out any job. There names are checked.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from earmark.core.errors import UserError, nearest
from earmark.systems.registry import written
from earmark.workflow.prerequisites import check_slurm


class Mistake(WorkflowError):
    """A mistake that a user can mend, as Snakemake's API raises it; on a terminal it is one line."""


def check_targets(
    workflow: Any, check: Callable[[str], None], check_rule: Callable[[], None] = lambda: None
) -> None:
    """Have every target of a workflow checked. To be called once every rule is defined.

    Args:
        workflow: Snakemake's.
        check: raises UserError for a path that it knows to be wrong.
        check_rule: raises UserError where rules cannot be asked for by name.

    """
    is_rule = workflow.is_rule

    def checked(name: str) -> bool:
        try:
            if getattr(getattr(workflow, "executor_plugin", None), "name", "") == "slurm":
                check_slurm()
            if is_rule(name):
                asked = getattr(getattr(workflow, "dag_settings", None), "targets", None)
                if name in (asked or (getattr(workflow, "default_target", None),)):
                    check_rule()
                return True
            explain(name.removeprefix("./"), workflow, check)
        except UserError as error:
            raise Mistake(str(error)) from None
        return False

    workflow.is_rule = checked


def explain(name: str, workflow: Any, check: Callable[[str], None]) -> None:
    """Explain a target that nothing makes.

    Raises:
        UserError: names what is wrong and, where there is one, the target that was meant.

    """
    made = any(rule.is_producer(name) for rule in workflow.rules)
    # Where files lie in a storage, rules do not know them by these names.
    settings = getattr(workflow, "storage_settings", None)
    stored = getattr(settings, "default_storage_provider", None) is not None
    if made or stored:
        check(name)
    if made or stored or Path(name).exists():
        return
    why = f"nothing makes {name}"
    try:
        check(name)
    except UserError as error:
        why = str(error)
    for meant in mended(name):
        if any(rule.is_producer(meant) for rule in workflow.rules):
            try:
                check(meant)
            except UserError:
                continue
            raise UserError(f"{why.partition(';')[0]}; did you mean '{meant}'?")
    check(name)
    if "/" not in name:
        rules = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
        raise UserError(f"there is no target '{name}'; {nearest(name, rules)}")
    raise UserError(
        f"nothing makes {name}; results are called results/<task>_<method>_<keep ratio>.json, for instance "
        "results/gtzan_dart_0.7.json (see README.md)"
    )


def mended(name: str) -> Iterator[str]:
    """Yield what may have been meant by a path, nearest first: each slip mended alone, then together."""
    slips = (_folder, _ratio, _suffix, str.lower)
    chosen = sorted(product((False, True), repeat=len(slips)), key=sum)
    seen = {name}
    for choice in chosen:
        meant = name
        for mend, wanted in zip(slips, choice, strict=True):
            meant = mend(meant) if wanted else meant
        if meant not in seen:
            seen.add(meant)
            yield meant


def _folder(name: str) -> str:
    """Return a path below the folder whose name is nearest to its first part."""
    first, slash, rest = name.partition("/")
    if not slash:
        return f"results/{name}"
    close = difflib.get_close_matches(first.lower(), written(), n=1, cutoff=0.7)
    return f"{close[0]}/{rest}" if close else name


def _ratio(name: str) -> str:
    """Return a result's path with its ratio as paths spell it: 70, 70%, .7 and 0.70 are 0.7, 256 is 256t."""
    found = re.fullmatch(r"(.*_)([0-9]*\.?[0-9]+)(%?)((?:\.jsonl?)?)", name)
    if not found:
        return name
    head, number, percent, suffix = found.groups()
    if number.isdigit() and int(number) > 100 and not percent:
        return f"{head}{number}t{suffix}"
    ratio = float(number)
    if percent or (number.isdigit() and 1 < ratio <= 100):
        ratio /= 100
    return f"{head}{ratio:g}{'.0' if ratio == 1 else ''}{suffix}"


def _suffix(name: str) -> str:
    """Return a path with the suffix of results: of none, or of .jsn."""
    if name.endswith((".json", ".jsonl")):
        return name
    return re.sub(r"\.(?=[a-z]*j)[json]{2,5}$", "", name) + ".json"
