"""One run of the small workflow, shared by the tests that read what it would do next."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from workflow import Workflow  # noqa: E402


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The small workflow after a complete run."""
    flow = Workflow(tmp_path_factory.mktemp("workflow"))
    flow.run("-j2", "all")
    return flow


@pytest.fixture
def copied(finished, tmp_path):
    """The finished workflow in a folder of its own, to be damaged."""
    shutil.copytree(finished.folder, tmp_path / "flow", dirs_exist_ok=True)
    flow = Workflow.__new__(Workflow)
    flow.folder = tmp_path / "flow"
    return flow
