"""The pages there are: one of all systems, and one of each. Imported when the workflow is parsed."""

from __future__ import annotations

from earmark.core.errors import UserError
from earmark.report.exports import KINDS
from earmark.systems.contract import System
from earmark.systems.registry import systems

FILES = ("summary.csv", "summary.parquet", "report.html", "exports.jsonl")
MAIN = ""
"""The page of all systems; the page of one is called like its folder below results/."""


def pages() -> list[str]:
    """Return the folders below results/ that have a summary and a page, each with its slash."""
    return [MAIN, *(f"{system.name}/" for system in systems())]


def rule_of(page: str, kind: str) -> str:
    """Return the target rule that makes every plot, or table, of a page."""
    return f"{page.replace('/', '_')}{kind}s"


def drawn(page: str) -> list[System]:
    """Return the systems on a page."""
    return [system for system in systems() if page in (MAIN, f"{system.name}/")]


def check_target(path: str) -> bool:
    """Return whether a path is a file of a page; which plots and tables there are, results tell.

    Raises:
        UserError: it is a folder of plots or tables, or a file of a form they are not made in.

    """
    for page in pages():
        place = f"results/{page}"
        if path.startswith(place) and path.removeprefix(place) in FILES:
            return True
        for kind, forms in KINDS.items():
            folder, every = f"{place}{kind}s", rule_of(page, kind)
            if path.rstrip("/") == folder:
                raise UserError(f"{path} is no target: ask for all of them by `{every}`, for one by its file")
            if path.startswith(f"{folder}/"):
                if path.endswith(forms):
                    return True
                raise UserError(f"{path}: a {kind} is made as {', '.join(f'<name>{form}' for form in forms)}")
    return False
