"""The files below scripts/ behind the summary and the page: scripts, and the parts of systems they reach."""

from __future__ import annotations

from earmark.systems.registry import systems

SCRIPTS = ("sortable.js", "pivot.js", "filter.js", "copy.js", "compare.js", "draw.js")
"""What a page does, in the order it runs."""

SHELL = tuple(f"earmark/report/{name}" for name in ("shell.html", "parts.html", *SCRIPTS))
"""What every page is made of, an audit's too."""

TEMPLATES = (*SHELL, "earmark/report/first.html", "earmark/report/page.html")


def summary() -> tuple[str, ...]:
    """Return what the summary is made by."""
    return "summarize.py", *(file for system in systems() for file in system.summary_code)


def page() -> tuple[str, ...]:
    """Return what the page is drawn by."""
    return "report.py", *TEMPLATES, *(file for system in systems() for file in system.page_code)


def exports() -> tuple[str, ...]:
    """Return what lists the plots and tables of the page."""
    return "exports.py", *(file for system in systems() for file in system.page_code)
