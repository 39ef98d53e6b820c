"""One run of the small workflow, shared by the tests that read what it would do next."""

from __future__ import annotations

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
