"""One run of the small workflow, shared by the tests that read what it would do next."""

from __future__ import annotations

import shutil

import pytest
from filelock import FileLock
from workflow import Workflow


@pytest.fixture(scope="session")
def finished(shared, tmp_path_factory) -> Workflow:
    """The small workflow after a complete run: made once, a copy for each process of pytest."""
    made = shared / "finished"
    with FileLock(f"{made}.lock"):
        if not (made / ".complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            Workflow(made).run("-j2", "all")
            (made / ".complete").touch()
    return Workflow.copy(made, tmp_path_factory.mktemp("workflow"))


@pytest.fixture
def copied(finished, tmp_path):
    """The finished workflow in a folder of its own, to be damaged."""
    return Workflow.copy(finished.folder, tmp_path / "flow")
