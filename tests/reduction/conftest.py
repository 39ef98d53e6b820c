"""The one list of methods: a test that takes `method` runs for each of them."""

import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
for folder in (str(HERE), str(HERE.parents[1] / "scripts")):
    if folder not in sys.path:
        sys.path.insert(0, folder)

METHODS = [
    ("base", {}),
    ("dart", {}),
    ("dart", {"audio_pivots": 2, "text_pivots": 0}),
    ("fastv", {}),
    ("random", {}),
    ("frame", {}),
]


COMPRESSORS = [
    ("kv-knorm", {}),
    ("kv-random", {}),
    ("kv-tova", {}),
    ("kv-snap", {}),
    ("kv-snap", {"window": 8, "kernel": 3}),
    ("kv-streaming", {}),
    ("kv-expected", {}),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for every method, or for those that can drop tokens."""
    from earmark.reduction.loader import load

    for argument in ("method", "dropping_method"):
        if argument in metafunc.fixturenames:
            methods = [load(name, options) for name, options in METHODS]
            if argument == "dropping_method":
                methods = [m for m in methods if not m.keeps_all]
            metafunc.parametrize(argument, methods, ids=repr)
    if "compressor" in metafunc.fixturenames:
        metafunc.parametrize("compressor", [load(*entry) for entry in COMPRESSORS], ids=repr)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
