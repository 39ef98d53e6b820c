"""A media server on loopback, and a shard of items on it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from media_server import serving  # noqa: E402
from shard import Shard  # noqa: E402


@pytest.fixture
def server():
    """A fresh server."""
    with serving() as running:
        yield running


@pytest.fixture
def shard(server, tmp_path, monkeypatch) -> Shard:
    """An empty shard of a task on the server; the test's own folder is the working directory."""
    monkeypatch.chdir(tmp_path)
    return Shard(server, tmp_path)
