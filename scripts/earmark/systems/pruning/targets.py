"""What paths of results, answers and timings name, and what they need of the configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.core.errors import UserError
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind
from earmark.systems.pruning import request
from earmark.systems.pruning.config import Pruning
from earmark.systems.pruning.request import TIMING, Cell
from earmark.systems.registry import reserved

_TIMED = re.compile(rf"results/{TIMING}/([a-z][a-z0-9.-]*)_([0-9]+)s\.json")


def cell_of(target: str, settings: Settings) -> Cell | None:
    """Return the cell that a path of a result or of answers names, checked, or None of any other path.

    Raises:
        UserError: a name in it is unknown or the ratio can't be.

    """
    cell = named(target, settings.config.default_model)
    if cell is not None:
        request.check_cell(settings, *cell)
        settings.check_reach(*cell[:2])
    return cell


def named(target: str, default_model: str) -> Cell | None:
    """Return what a path of a result or of answers says; UserError if it says it in another way."""
    root, _, rest = target.partition("/")
    if root not in ("results", "answers") or not rest.endswith((".json", ".jsonl")):
        return None
    *folders, name = rest.rpartition(".")[0].split("/")
    if len(folders) > 1 or (folders and folders[0] in reserved()):
        return None
    task, _, kept = name.rpartition("_")
    task, _, chosen = task.rpartition("_")
    if not (task and chosen and kept):
        raise UserError(f"{target}: results are called results/<task>_<method>_<ratio>.json")
    if root == "answers" and not folders:
        raise UserError(f"{target}: answers are called answers/<model>/<task>_<method>_<ratio>.json")
    return folders[0] if folders else default_model, task, chosen, kept


def check_target(target: str, settings: Settings) -> None:
    """Check the names in a path of a result or a timing; raises UserError with the nearest ones."""
    timed = _TIMED.fullmatch(target)
    if timed is not None:
        request.prefill(settings, timed[1], int(timed[2]))
    elif target.startswith(f"results/{TIMING}/"):
        raise UserError(f"{target}: timings are called results/{TIMING}/<model>_<seconds>s.json")
    cell_of(target, settings)


def behind(target: str, settings: Settings) -> Behind:
    """Return what a result or a timing needs of the configuration."""
    timed = _TIMED.fullmatch(target)
    if timed is not None:
        block = next(b for b in settings.of(Pruning).prefill if (b.model, str(b.audio_s)) == timed.groups())
        return Behind(
            {"models": [block.model]},
            {"methods": request.variants(settings, block.methods), "prefill": [block.plain()]},
        )
    cell = named(target, settings.config.default_model)
    assert cell is not None, f"{target} is a path of no result"
    model, task, name, _ = cell
    return Behind({"tasks": [task], "models": [model]}, {"methods": request.variants(settings, [name])})


def asked_cells(words: Sequence[str], settings: Settings) -> list[Cell]:
    """Return the cells that a command line asks for by name; where it names none, those of the grid."""
    named = [found for word in words if (found := cell_of(word.removeprefix("./"), settings))]
    return list(dict.fromkeys(named)) or list(request.cells(settings))
