"""A test that takes `method` runs for each of the one list."""

from collections import Counter

import pytest
import torch
from every_method import COMPRESSORS, FURTHER, METHODS

from earmark.reduction.loader import load

THINNED = 13
"""Of this many combinations a further method runs in one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for every method, or for those that can drop tokens."""
    for argument in ("method", "dropping_method"):
        if argument in metafunc.fixturenames:
            methods = [load(name, options) for name, options in METHODS + FURTHER]
            if argument == "dropping_method":
                methods = [m for m in methods if not m.keeps_all]
            metafunc.parametrize(argument, methods, ids=repr)
    if "compressor" in metafunc.fixturenames:
        metafunc.parametrize("compressor", [load(*entry) for entry in COMPRESSORS], ids=repr)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out most combinations of the further methods: those of each are others."""
    further = {repr(load(*entry)): number for number, entry in enumerate(FURTHER)}
    seen: Counter[tuple[str, str]] = Counter()
    left_out = []
    for item in items:
        params = (
            item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        )
        method = repr(params.get("method", params.get("dropping_method")))
        if method in further and len(params) > 1:
            # The place of a combination among those of its test, in the order of collection.
            key = (item.nodeid.partition("[")[0], method)
            if (seen[key] + further[method]) % THINNED:
                left_out.append(item)
            seen[key] += 1
    if left_out:
        gone = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in gone]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
