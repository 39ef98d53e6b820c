"""The download script, run as the rule does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import warm
from made import completed

from earmark.core.places import SCRIPTS


class Download:
    """Runs scripts/download.py as the rule does, in a folder and with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "data/x/recordings.parquet"
        self.environment = {
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def __call__(self, *more: str, check: bool = True, **source) -> subprocess.CompletedProcess[str]:
        names = ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET")
        inherited = {k: v for k, v in os.environ.items() if k not in names}
        script = [
            warm.python(),
            str(SCRIPTS / "download.py"),
            "--settings",
            json.dumps(completed(**source).plain()),
        ]
        done = subprocess.run(
            [*script, "--output", "data/x/recordings.parquet", "--threads", "2", *more],
            cwd=self.folder,
            env=inherited | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert not check or done.returncode == 0, done.stdout
        return done
