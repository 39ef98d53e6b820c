"""Hostile inputs, made on the fly; two hosts on loopback, and what every started process was told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [
    str(Path(__file__).parent),
    str(TESTS / "fetch"),
    str(TESTS / "sources"),
    str(TESTS / "workflow"),
]

from downloading import Download  # noqa: E402
from hub_server import Hub  # noqa: E402
from media_server import MediaServer, serving  # noqa: E402
from processes import started  # noqa: E402
from shard import Shard  # noqa: E402


@pytest.fixture
def server() -> Iterator[MediaServer]:
    """The host that is asked."""
    with serving() as running:
        yield running


@pytest.fixture
def other() -> Iterator[MediaServer]:
    """Another host, to which nobody gave a secret."""
    with serving(host="127.0.0.2") as running:
        yield running


@pytest.fixture
def shard(server, tmp_path, monkeypatch) -> Shard:
    """An empty shard of a task on the server; the test's own folder is the working directory."""
    monkeypatch.chdir(tmp_path)
    return Shard(server, tmp_path)


@pytest.fixture
def download(tmp_path) -> Download:
    """The download script in a folder of its own."""
    return Download(tmp_path)


@pytest.fixture
def hub(download) -> Iterator[Hub]:
    """A hub on loopback, which the download script is sent to."""
    server = Hub()
    download.environment["HF_ENDPOINT"] = server.url
    yield server
    server.close()


@pytest.fixture
def commands() -> Iterator[list[str]]:
    """The command line of every process that the test starts, as the process list would show it."""
    with started() as lines:
        yield lines
