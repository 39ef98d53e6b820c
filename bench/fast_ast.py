"""Audio Spectrogram Transformers made faster, against the plain way of doing each step.

    python bench/fast_ast.py [--device cuda] [--quick]

Each section is a module beside this one, fast_ast_<section>.py, with ``measure(quick) -> metrics``; merging
can run on a GPU. The last line is JSON.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated

import fast_ast_merging
import typer


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda, for merging")] = "cpu",
    quick: Annotated[bool, typer.Option(help="a smoke run: small models")] = False,
) -> None:
    """Run all sections one after the other."""
    metrics: dict[str, float] = fast_ast_merging.measure(quick, device)
    for path in sorted(Path(__file__).parent.glob("fast_ast_*.py")):
        if path.stem != fast_ast_merging.__name__:
            metrics |= import_module(path.stem).measure(quick)
    print(json.dumps({"bench": "fast_ast", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
