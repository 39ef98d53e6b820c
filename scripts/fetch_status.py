"""Say how far a task's fetching is, over all its shards: python scripts/fetch_status.py audioset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.errors import UserError
from earmark.data.fetch.progress import overall, worded


def main(
    task: Annotated[str, typer.Argument(help="name of the task")],
    cache: Annotated[Path, typer.Option(help="where fetched data is kept")] = Path(".earmark/fetch"),
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Print one line, or JSON, on all shards begun; works while jobs run."""
    state = overall(cache / task)
    if not state["shards"]:
        raise UserError(f"nothing of '{task}' was begun in {cache}; run this where you run snakemake")
    print(json.dumps(state, indent=2) if as_json else worded(task, state))


if __name__ == "__main__":
    cli.run(main)
