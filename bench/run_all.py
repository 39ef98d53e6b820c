"""Run every benchmark of this folder and gather their last lines in bench/results.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

HERE = Path(__file__).parent


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run of each")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
) -> None:
    """Run them one after the other, so that none disturbs another."""
    results = []
    for path in sorted(HERE.glob("*.py")):
        # data_<section>.py are the sections of data.py, tagging_<section>.py those of tagging.py, and so on.
        if path.name == Path(__file__).name or path.name.startswith(("data_", "tagging_", "prefill_")):
            continue
        command = [sys.executable, str(path), "--device", device, *(["--quick"] if quick else [])]
        print(f"\n== {path.name}", flush=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            last = ""
            for line in running.stdout:
                print(line, end="", flush=True)
                last = line.strip() or last
        if running.returncode:
            sys.exit(f"error: {path.name} ended with status {running.returncode}")
        results.append(json.loads(last))
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nwritten: {HERE / 'results.json'}")


if __name__ == "__main__":
    typer.run(main)
