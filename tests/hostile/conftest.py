"""Hostile inputs, made on the fly; two hosts on loopback, and what every started process was told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from downloading import Download
from hub_server import Hub
from media_server import MediaServer, serving
from processes import started
from shard import Shard


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
