"""What this machine can run, what is out of reach and why, and about what it takes.

Runs within seconds with nothing downloaded and no network. Exit status 1 if something is missing that the
default targets need, or those named by --target.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from earmark.config.files import deep_merged
from earmark.config.settings import Settings
from earmark.config.yaml_files import read_yaml
from earmark.core import cli
from earmark.core.errors import UserError
from earmark.core.files import replacing, write_json
from earmark.core.given import given
from earmark.core.places import CONFIG
from earmark.doctor import job, page


def main(
    config: Annotated[str, typer.Option(help="JSON file: the configuration as Snakemake merged it")] = "",
    configfile: Annotated[
        list[Path] | None, typer.Option(help="by hand: YAML laid over config/config.yaml; repeat")
    ] = None,
    target: Annotated[list[str] | None, typer.Option(help="a result that is wanted; repeat")] = None,
    output: Annotated[Path, typer.Option(help="record to write (JSON)")] = Path("results/doctor.json"),
    log: Annotated[Path | None, typer.Option(help="file for the page, besides the terminal")] = None,
) -> None:
    """Say what this machine can run."""
    content = given(config) if config else _read([CONFIG / "config.yaml", *(configfile or [])])
    # The network's settings may hold a password, so they are on no command line.
    if "EARMARK_NETWORK" in os.environ:
        content["fetch"] = json.loads(os.environ["EARMARK_NETWORK"])
    try:
        record = job.examine(Settings.load(content, Path.cwd()), content, target or [])
    except ModuleNotFoundError:
        # The configuration itself can't be read without some packages: say which are missing, no more.
        record = job.of_packages(target or [])
    write_json(output, record)
    if log is not None:
        with replacing(log) as partial:
            partial.write_text(page.text(record, colours=False) + "\n")
    print(page.text(record, colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ), flush=True)
    if not record["ok"]:
        raise UserError(f"something is missing that {record['asked']} need; {output} has it all")


def _read(files: list[Path]) -> dict[str, object]:
    """Read YAML files, each laid over those before it, as Snakemake does."""
    content: dict[str, object] = {}
    for path in files:
        over = read_yaml(path) or {}
        content = over if over.get("self_contained") else deep_merged(content, over)
    return content


if __name__ == "__main__":
    cli.run(main)
