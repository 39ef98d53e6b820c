"""What the tests of the sources share: short recordings, the download script, a hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from downloading import Download
from hub_server import Hub


@pytest.fixture
def download(tmp_path) -> Download:
    return Download(tmp_path)


@pytest.fixture
def hub(download) -> Iterator[Hub]:
    server = Hub()
    download.environment["HF_ENDPOINT"] = server.url
    yield server
    server.close()
