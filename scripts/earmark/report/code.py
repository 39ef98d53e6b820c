"""Digests of what makes the summary and the page: their scripts, and the parts of the systems they reach."""

from __future__ import annotations

from functools import cache

from earmark.core.digests import code_digest
from earmark.systems.contract import systems

TEMPLATES = tuple(
    f"earmark/report/{name}" for name in ("shell.html", "parts.html", "sortable.js", "page.html")
)


@cache
def summary() -> str:
    """Digest what the summary is made by."""
    return code_digest("summarize.py", *(file for system in systems() for file in system.summary_code))


@cache
def page() -> str:
    """Digest what the page is drawn by."""
    return code_digest("report.py", *TEMPLATES, *(file for system in systems() for file in system.page_code))


@cache
def exports() -> str:
    """Digest what lists the plots and tables of the page."""
    return code_digest("exports.py", *(file for system in systems() for file in system.page_code))
