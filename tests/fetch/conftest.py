"""A media server on loopback, and a shard of items on it."""

from __future__ import annotations

import pytest
from media_server import serving
from shard import Shard


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
