"""The recipe that the contributor's page shows runs as it stands there."""

import os
import subprocess
from pathlib import Path

import warm

from earmark.core.places import SCRIPTS


def test_the_recipe_of_the_page_trains_to_its_best_epoch(tmp_path: Path) -> None:
    page = (SCRIPTS.parent / "docs" / "training.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [warm.python(), "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    best, distance = done.stdout.split()
    assert 1 <= int(best) <= 4
    assert float(distance) < 0.1
    assert list((tmp_path / "events").iterdir())
