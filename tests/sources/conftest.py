"""What the tests of the sources share: short recordings, the download script, a hub on loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from downloading import Download  # noqa: E402
from hub_server import Hub  # noqa: E402


@pytest.fixture
def download(tmp_path) -> Download:
    return Download(tmp_path)


@pytest.fixture
def hub(download) -> Iterator[Hub]:
    server = Hub()
    download.environment["HF_ENDPOINT"] = server.url
    yield server
    server.close()
