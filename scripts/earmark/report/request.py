"""What the summary and the page are made from: the configured results, and all others on disk.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

from earmark.config.settings import Settings
from earmark.core.files import sha256
from earmark.report import files
from earmark.report.imports.files import import_files
from earmark.report.pages import MAIN, drawn
from earmark.systems.contract import System

RESULTS = Path("results")


def required(settings: Settings, page: str = MAIN) -> list[str]:
    """Return the results that the configuration asks for and a page shows."""
    asked = [system for system in drawn(page) if page or system.on_main_page]
    return [path for system in asked for path in system.results(settings)]


def files_of(settings: Settings, page: str) -> list[str]:
    """Return the files besides results that a page is drawn from."""
    asked = [system for system in drawn(page) if page or system.on_main_page]
    return [path for system in asked for path in system.page_files(settings)]


def targets(settings: Settings, system: System) -> list[str]:
    """Return what a system's target rule makes: its results, other files, and their page."""
    results = system.results(settings)
    page = [f"results/{system.name}/{name}" for name in ("summary.csv", "report.html")]
    return [*results, *system.files(settings), *(page if results else [])]


def others(settings: Settings, page: str = MAIN) -> str:
    """Return a digest of all other results on disk: names and contents.

    As inputs they might be made again, or no longer be makeable; as a parameter, a new or changed one makes
    the summary stale and nothing else.
    """
    configured, digest = set(required(settings, page)), hashlib.sha256()
    for path in files.find(RESULTS, page.rstrip("/")):
        if path.as_posix() not in configured:
            digest.update(f"{path.as_posix()}\0{sha256(path)}\n".encode())
    return digest.hexdigest()[:16]


def imported(settings: Settings) -> list[str]:
    """Return every file that config imports; raises UserError if a block names none."""
    return [str(path) for block in settings.config.imports for path in import_files(block)]


def columns(settings: Settings, table: str) -> list[str]:
    """Return the columns that config chooses for a table as a file: the first pattern that its name fits."""
    choices = settings.config.report.columns
    return next((names for pattern, names in choices.items() if fnmatchcase(table, pattern)), [])
