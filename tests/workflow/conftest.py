"""One run of the small workflow, shared by the tests that read what it would do next."""

from __future__ import annotations

import shutil

import pytest
from filelock import FileLock
from workflow import Workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory, request) -> Workflow:
    """The small workflow after a complete run: made once, a copy for each process of pytest."""
    if not hasattr(request.config, "workerinput"):
        flow = Workflow(tmp_path_factory.mktemp("workflow"))
        flow.run("-j2", "all")
        return flow
    shared = tmp_path_factory.getbasetemp().parent / "finished"
    with FileLock(f"{shared}.lock"):
        if not (shared / ".complete").exists():
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            Workflow(shared).run("-j2", "all")
            (shared / ".complete").touch()
    return Workflow.copy(shared, tmp_path_factory.mktemp("workflow"))


@pytest.fixture
def copied(finished, tmp_path):
    """The finished workflow in a folder of its own, to be damaged."""
    return Workflow.copy(finished.folder, tmp_path / "flow")
