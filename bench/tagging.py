"""Audio Spectrogram Transformers made faster, against the plain way of doing each step.

    python bench/tagging.py [--device cuda] [--quick]

Each section is a module beside this one, tagging_<section>.py, with ``measure(quick) -> metrics``; merging
can run on a GPU. The last line is JSON.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated

import tagging_merging
import typer


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda, for merging")] = "cpu",
    quick: Annotated[bool, typer.Option(help="a smoke run: small models")] = False,
) -> None:
    """Run all sections one after the other."""
    metrics: dict[str, float] = tagging_merging.measure(quick, device)
    for path in sorted(Path(__file__).parent.glob("tagging_*.py")):
        if path.stem != tagging_merging.__name__:
            metrics |= import_module(path.stem).measure(quick)
    print(json.dumps({"bench": "tagging", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
