"""The doctor's script in a folder of its own, on a machine without a network."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import warm
import yaml

from earmark.core.places import SCRIPTS

CLOSED = "http://127.0.0.1:9"
"""An address at which nobody listens: no request gets further than this."""


class Doctor:
    """Runs scripts/doctor.py; ``record`` is what it wrote, ``page`` what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.start = folder, [warm.python()]
        hidden = ("HF_TOKEN", "HF_HUB_OFFLINE", "EARMARK_NETWORK", "NO_PROXY", "no_proxy")
        self.environment = {k: v for k, v in os.environ.items() if k not in hidden} | {
            "HF_HOME": str(folder / "hf"),
            "HF_ENDPOINT": CLOSED,
            "https_proxy": CLOSED,
            "HTTPS_PROXY": CLOSED,
        }
        self.page, self.record = "", {}

    def __call__(self, config: dict | Path | None = None, *more: str) -> int:
        if isinstance(config, dict):
            (self.folder / "own.yaml").write_text(yaml.safe_dump(config))
            config = self.folder / "own.yaml"
        chosen = ["--configfile", str(config)] if config else []
        done = subprocess.run(
            [*self.start, str(SCRIPTS / "doctor.py"), *chosen, *more],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        self.page = done.stdout
        assert "Traceback" not in self.page, self.page
        path = self.folder / "results/doctor.json"
        self.record = json.loads(path.read_text()) if path.is_file() else {}
        return done.returncode

    def entries(self) -> dict[str, dict]:
        """The entries out of reach by key, without those of earmark's own files in config/."""
        own = {f"{path.parent.name}.{path.stem}." for path in (SCRIPTS.parent / "config").glob("*/*.yaml")}
        found = {entry["key"]: entry for entry in self.record["unreachable"]}
        return {key: entry for key, entry in found.items() if not key.startswith(tuple(own))}

    def check(self, name: str) -> dict:
        """The finding of that name."""
        (found,) = [check for check in self.record["checks"] if check["name"] == name]
        return found


@pytest.fixture
def doctor(tmp_path) -> Doctor:
    return Doctor(tmp_path)
