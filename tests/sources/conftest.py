"""What the tests of the sources share: short recordings, the download script, a hub on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hub_server import Hub  # noqa: E402
from made import completed  # noqa: E402

from earmark.core.places import SCRIPTS  # noqa: E402


class Download:
    """Runs scripts/download.py as the rule does, in a folder and with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "data/x/recordings.parquet"
        self.environment = {
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def __call__(self, *more: str, check: bool = True, **source) -> subprocess.CompletedProcess[str]:
        names = ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE")
        inherited = {k: v for k, v in os.environ.items() if k not in names}
        script = [sys.executable, str(SCRIPTS / "download.py"), "--settings", json.dumps(completed(**source))]
        done = subprocess.run(
            [*script, "--output", "data/x/recordings.parquet", "--threads", "2", *more],
            cwd=self.folder,
            env=inherited | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout
        return done


@pytest.fixture
def download(tmp_path) -> Download:
    return Download(tmp_path)


@pytest.fixture
def hub(download) -> Iterator[Hub]:
    server = Hub()
    download.environment["HF_ENDPOINT"] = server.url
    yield server
    server.close()
