"""What the audit's tests share: a folder of indexes with known damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import damaged, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, damaged())
