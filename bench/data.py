"""Getting and preparing data, against the plain way of doing each step.

    python bench/data.py [--quick]

Each section is a module beside this one with ``measure(quick) -> metrics``. The last line is JSON;
`<what>_ratio...` is the time of the plain way / ours.
"""

import json
from collections.abc import Callable

import data_audio
import data_fetch
import data_memory
import typer

SECTIONS: list[Callable[[bool], dict[str, float]]] = [
    data_fetch.measure,
    data_audio.measure,
    data_memory.measure,
]


def main(device: str = "cpu", quick: bool = False) -> None:
    """Run all sections one after the other; everything here runs on the CPU."""
    metrics: dict[str, float] = {}
    for measure in SECTIONS:
        metrics |= measure(quick)
    print(json.dumps({"bench": "data", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
