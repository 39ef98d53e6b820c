"""Made-up results as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import fake_grid, fake_result, fake_shard, fake_times, fake_transcripts
from probe_record import fake_probe


@pytest.fixture
def write_transcripts() -> Callable[..., Path]:
    return fake_transcripts


@pytest.fixture
def pack_clips() -> Callable[..., Path]:
    return fake_shard


@pytest.fixture
def write_probe() -> Callable[..., Path]:
    return fake_probe


@pytest.fixture
def write_result() -> Callable[..., Path]:
    return fake_result


@pytest.fixture
def results(tmp_path: Path) -> list[Path]:
    """A base and two methods at two ratios, one of them also at a deeper layer."""
    return fake_grid(tmp_path / "results")


@pytest.fixture
def timing(tmp_path: Path) -> Path:
    return fake_times(tmp_path / "results")
