"""What a command line asks for: names in its targets are checked before any job runs."""

from __future__ import annotations

from earmark.config.settings import Settings
from earmark.report import pages
from earmark.systems.registry import systems


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target, whatever system it is of; a page's files need every file of config/.

    Raises:
        UserError: a name in it is unknown, or it is no path that anything is made at; names the nearest.

    """
    if pages.check_target(path):
        settings.check_all_sound()
    else:
        for system in systems():
            system.check_target(path, settings)
