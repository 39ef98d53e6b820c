"""Wrong answers: which are shown, and that what is heard is the clip."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earmark.audio import ogg
from earmark.config.common import Report
from earmark.core.errors import UserError
from earmark.report import excerpts
from earmark.report.summary import summarize
from earmark.systems.pruning.report import wrong

SETTINGS = Report(wrong_answers=8, audio_mb=2, audio_s=1.0)


def collected(paths: list[Path], data: Path, **settings: Any) -> list[dict[str, Any]]:
    return wrong.collect(summarize(paths), data, SETTINGS.model_copy(update=settings))


def test_half_are_wrong_without_reduction_and_half_are_lost_by_it(
    results: list[Path], tmp_path: Path
) -> None:
    rows = collected(results, tmp_path)
    base = {r["clip_id"]: r for r in map(json.loads, results[0].with_suffix(".jsonl").open())}
    assert [row["lost"] for row in rows] == [False] * 4 + [True] * 4
    for row in rows:
        assert bool(base[row["clip_id"]]["correct"]) == row["lost"]
        samples = map(json.loads, Path(row["result"]).with_suffix(".jsonl").open())
        (sample,) = [s for s in samples if s["clip_id"] == row["clip_id"]]
        assert sample["correct"] is False and sample["answer"] == row["answer"]
    lost = [row["run"] for row in rows if row["lost"]]
    assert lost[0].endswith("50 %"), "the gentlest runs first"
    assert len({row["clip_id"] for row in rows if row["lost"]}) == 4
    assert all(row["audio"] is None for row in rows)


def test_sound_is_the_start_of_the_clip(
    results: list[Path], pack_clips: Callable[..., Path], tmp_path: Path
) -> None:
    data = pack_clips(tmp_path / "data", "genres", 40)
    rows = collected(results, data)
    for row in rows:
        samples, rate = soundfile.read(io.BytesIO(row["audio"]))
        assert row["excerpt_s"] == 1.0 and len(samples) == pytest.approx(rate, rel=0.02)
        pitch = np.fft.rfftfreq(len(samples), 1 / rate)[np.abs(np.fft.rfft(samples)).argmax()]
        assert pitch == pytest.approx(200 + 20 * int(row["clip_id"][4:]), abs=5)
        assert ogg.damage(row["audio"]) is None
    again = wrong.collect(summarize(results), data, SETTINGS, threads=2)
    assert again == rows, "the same clips give the same bytes"


def test_sound_stays_within_its_limit_and_is_dealt_out_by_turns(
    results: list[Path], write_result: Callable[..., Path], pack_clips: Callable[..., Path], tmp_path: Path
) -> None:
    data = pack_clips(tmp_path / "data", "genres", 40)
    second = write_result(tmp_path / "second.json", model="second", accuracy=0.3)
    rows = collected([*results, second], data, audio_mb=0.02)
    heard = [row for row in rows if row["audio"]]
    assert 0 < sum(len(row["audio"]) for row in heard) * 4 / 3 <= 20_000
    assert {row["model"] for row in heard} == {"test-model", "second"}
    assert not any(row["audio"] for row in collected(results, data, audio_mb=0))
    assert collected(results, data, wrong_answers=0) == []


def test_other_rates_are_resampled_and_stereo_is_mixed() -> None:
    time = np.arange(44100) / 44100
    content = excerpts.opus((0.4 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 44100)
    info = soundfile.info(io.BytesIO(content))
    assert (info.format, info.subtype, info.channels) == ("OGG", "OPUS", 1)
    assert info.duration == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("task", ["../data/genres", "/etc", "genres/../../x", "Genres"])
def test_a_task_name_never_leads_out_of_the_folder(task: str, tmp_path: Path) -> None:
    assert excerpts.shards(tmp_path, task) == []


def test_a_damaged_shard_is_named(
    results: list[Path], pack_clips: Callable[..., Path], tmp_path: Path
) -> None:
    data = pack_clips(tmp_path / "data", "genres", 40)
    (tar,) = data.rglob("*.tar")
    tar.write_bytes(b"x" * 20_000)
    with pytest.raises(UserError, match=f"{tar} is damaged"):
        collected(results, data)


def test_another_table_is_refused(results: list[Path], tmp_path: Path) -> None:
    wrong.write(collected(results, tmp_path), tmp_path / "wrong.parquet")
    assert len(wrong.load(tmp_path / "wrong.parquet")) == 8
    with pytest.raises(UserError, match="not a table of wrong answers"):
        wrong.load(results[0])
