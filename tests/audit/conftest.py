"""What the audit's tests share: a folder of indexes with known damage."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted import damaged, write  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "shards", damaged())
