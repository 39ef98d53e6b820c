"""What a command line asks for: result paths read back to the cells they name."""

from __future__ import annotations

from collections.abc import Sequence

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.report import exports
from earmark.systems.embeddings import request
from earmark.systems.embeddings.probe import request as probing
from earmark.systems.tagging import request as tagging
from earmark.systems.tagging.teachers import request as teachers


def parse_target(path: str, settings: Settings) -> tuple[str, str, str, str] | None:
    """Return (model, task, method, ratio) of a result path, or None if it isn't one.

    Raises:
        UserError: a name in it is unknown or the ratio can't be.

    """
    request.check_target(path, settings)
    probing.check_target(path, settings)
    tagging.check_target(path, settings)
    teachers.check_target(path, settings)
    exports.check_target(path)
    if not (path.startswith("results/") and path.endswith((".json", ".jsonl"))):
        return None
    *folders, name = path.removeprefix("results/").rpartition(".")[0].split("/")
    if len(folders) > 1 or folders in (["timing"], ["tagging"]):
        return None
    task, _, rest = name.rpartition("_")
    task, _, method = task.rpartition("_")
    if not (task and method and rest):
        raise UserError(f"{path}: results are called results/<task>_<method>_<ratio>.json")
    model = folders[0] if folders else settings.content["default_model"]
    settings.check(model, task, method, rest)
    settings.check_reach(model, task)
    return model, task, method, rest


def asked_cells(words: Sequence[str], settings: Settings) -> list[tuple[str, str, str, str]]:
    """Return the cells that a command line asks for by name; where it names none, those of the grid."""
    named = [cell for word in words if (cell := parse_target(word.removeprefix("./"), settings))]
    return list(dict.fromkeys(named)) or list(settings.cells())
