"""What a job's start costs: the CPU time to import what an entry script's job needs, beside torch's.

For each script in `scripts/`, in a fresh process: the script itself, and the modules of the library that it
imports on its way into the job, among them those found by name (the model's family, the recipe). Between them
`import torch` alone is measured, in the same rounds, and each side's best round counts.

    python bench/startup.py [--quick]

The last line is JSON: `startup_ratio_<script>` is 1.5 times the CPU time of `import torch` / the script's. A
script that computes with a class of transformers cannot reach 1 by its own means: importing that class alone
costs what `floor_ratio_transformers` says, on the same scale, and torch with no more of transformers than its
helpers, without any class, what `floor_ratio_helpers` says.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

SCRIPTS = Path(__file__).parents[1] / "scripts"
OMNI = "earmark.models.omni"
BY_NAME = {
    "caption": [OMNI],
    "embed": [OMNI],
    "answer": [OMNI],
    "features": [OMNI],
    "prefill": [OMNI],
    "train": ["earmark.training.recipes.listener"],
}
"""What a usual job of a script imports by a name that the configuration says."""

FLOORS = {
    "torch": "import torch",
    "helpers": "import torch, transformers.utils",
    "transformers": "from transformers import ASTForAudioClassification",
}
ALLOWED = 1.5


def modules(script: Path) -> list[str]:
    """Return the modules of the library that a script imports inside its functions, and those by name."""
    inner = [
        node
        for function in ast.walk(ast.parse(script.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    ]
    found = []
    for node in inner:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("earmark"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                place = SCRIPTS / whole.replace(".", "/")
                is_module = place.is_dir() or place.with_suffix(".py").exists()
                found.append(whole if is_module else str(node.module))
    return sorted({*found, *BY_NAME.get(script.stem, [])})


def seconds(program: str) -> float:
    """Return the CPU seconds of a fresh process that runs a program."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen([sys.executable, "-c", program], cwd=SCRIPTS, env=environment)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"error: a process ended with status {running.returncode}: {program}")
    return usage.ru_utime + usage.ru_stime


def main(
    quick: Annotated[bool, typer.Option(help="a smoke run: one round")] = False,
    device: Annotated[str, typer.Option(help="cpu only; for the common command line")] = "cpu",
) -> None:
    """Time all scripts one after the other, round by round."""
    programs = dict(FLOORS)
    for script in sorted(SCRIPTS.glob("*.py")):
        programs[script.stem] = f"import {', '.join([script.stem, *modules(script)])}"
    best = {name: seconds(program) for name, program in programs.items()}
    for _ in range(0 if quick else 2):
        best = {name: min(best[name], seconds(program)) for name, program in programs.items()}
    allowed = ALLOWED * best["torch"]
    ratios = {name: round(allowed / value, 3) for name, value in best.items()}
    print(f"{'script':20} {'CPU s':>6} {'ratio':>6}")
    for name, ratio in sorted(ratios.items(), key=lambda entry: entry[1]):
        print(f"{name:20} {best[name]:6.2f} {ratio:6.2f}")
    metrics = {f"startup_ratio_{name}": ratio for name, ratio in ratios.items() if name not in FLOORS}
    metrics |= {f"floor_ratio_{name}": ratios[name] for name in FLOORS if name != "torch"}
    print(json.dumps({"bench": "startup", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
