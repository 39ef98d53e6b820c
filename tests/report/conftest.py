"""Made-up results as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import fake_result, fake_shard, fake_timing, fake_transcripts
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
    folder = tmp_path / "results"
    made = [fake_result(folder / "genres_base_1.0.json", failed=2)]
    for method, layer in (("random", 0), ("dart", 0), ("dart-l2", 2)):
        for ratio in (0.5, 0.1):
            path = folder / f"genres_{method}_{ratio}.json"
            made.append(fake_result(path, method, ratio, accuracy=0.4 + ratio / 2, layer=layer))
    return made


@pytest.fixture
def timing(tmp_path: Path) -> Path:
    return fake_timing(tmp_path / "results" / "timing.json", ["random", "dart", "dart-l2"], [0.5, 0.1])
