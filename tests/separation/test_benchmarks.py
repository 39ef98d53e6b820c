"""Stand-ins of AudioSep's six benchmarks on disk: each is planned, and runs to a result with its own aggregation."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import warm
import yaml

from earmark.config.settings import Settings
from earmark.core.places import ROOT
from earmark.systems.separation import job_settings, result, stored
from earmark.systems.separation.jobs import scores, texts

from . import miniature

RATE, SAMPLES = 32_000, 6400
SETS = ("audiocaps", "clotho", "esc50", "music", "vggsound", "audioset")
CLASSES = ("violin", "flute")


def pair(mixture: Path, reference: Path, seed: int) -> None:
    """A mixture and its source, each seed's at another level."""
    rng = np.random.default_rng(seed)
    source, other = 0.1 * rng.standard_normal((2, SAMPLES))
    mixture.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(mixture, source + 0.3 * (1 + seed % 5) * other, RATE)
    soundfile.write(reference, source, RATE)


def numbered(root: Path, name: str) -> Iterator[dict[str, Any]]:
    """Five rows of a numbered benchmark: three of a class and two of another, so its mean is not that of classes."""
    for number in range(5):
        pair(root / f"mixture-{number}.wav", root / f"segment-{number}.wav", number)
        caption = CLASSES[number // 3]
        row = {"idx": number, "caption": caption, "src_wav": f"v{number}_0.wav", "noise_wav": "n.wav"}
        yield row | ({"labels": caption} if name == "audiocaps" else {})


def vggsound(root: Path) -> Iterator[dict[str, Any]]:
    for number in range(4):
        pair(root / f"m{number}.wav", root / f"s{number}.wav", number)
        files = {"mix_wav": f"m{number}.wav", "s0_wav": f"s{number}.wav", "s1_wav": "t.wav"}
        texts = {"s0_text": CLASSES[number % 2], "s1_text": "rain"}
        yield {"file_id": f"v{number}_000030+++w_000010"} | files | texts


def audioset(root: Path) -> Iterator[dict[str, Any]]:
    for number, caption in enumerate(CLASSES):
        for sample in range(10):
            stem = root / f"class_id={number}" / f"class_id={number},index={sample:03d}"
            pair(Path(f"{stem},mixture.wav"), Path(f"{stem},source.wav"), 10 * number + sample**2)
            yield {"idx": number, "caption": caption, "src_wav": "", "noise_wav": ""}


def write(folder: Path) -> dict[str, Any]:
    """Write all benchmarks; returns the configuration that evaluates them without adapters."""
    content = miniature.content(folder)
    content["separation"] |= {"task": None, "sets": list(SETS), "routers": ["base"], "excerpts": 1}
    for name in SETS:
        root, table = folder / name, folder / f"{name}.csv"
        root.mkdir()
        own = {"vggsound": vggsound, "audioset": audioset}.get(name)
        rows = list(own(root) if own else numbered(root, name))
        with table.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        content["mixtures"][name] = {"root": str(root), "table": str(table)}
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("benchmarks")
    miniature.write(made)
    (made / "six.yaml").write_text(yaml.safe_dump(write(made), sort_keys=False))
    return made


def plan(folder: Path, fails: bool = False) -> str:
    command = [warm.python(), "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--directory", str(folder), "--configfile", str(folder / "six.yaml"), "-n", "separation"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_all_six_are_planned_and_a_missing_file_stops_the_plan(folder) -> None:
    said = plan(folder)
    for name in SETS:
        assert f"results/separation/{name}_base.json" in said
    gone = folder / "music" / "segment-3.wav"
    kept = gone.read_bytes()
    gone.unlink()
    try:
        assert "music: 1 problems in 5 samples" in (told := plan(folder, fails=True))
        assert "segment-3.wav is missing" in told
    finally:
        gone.write_bytes(kept)


def expected(rows: list[dict[str, Any]], aggregation: str) -> float:
    """The aggregation, written out anew."""
    if aggregation == "mean":
        return float(np.mean([row["sdri"] for row in rows]))
    middle = np.median if aggregation.startswith("median") else np.mean
    classes = sorted({row["label"] for row in rows})
    return float(np.mean([middle([row["sdri"] for row in rows if row["label"] == name]) for name in classes]))


@pytest.mark.parametrize("name", SETS)
def test_each_runs_to_a_result_with_its_own_aggregation(small, folder, tmp_path, name) -> None:
    settings = Settings.load(yaml.safe_load((folder / "six.yaml").read_text()), ROOT)
    text = {"kind": "spelled", "size": 8, "scale": 1}
    separator, table = tmp_path / "separator.json", tmp_path / "texts.safetensors"
    stored.write(small.state_dict(), {"text": text, "sizes": small.description()}, separator)
    texts.make(job_settings.texts_job(settings, "mini", f"set-{name}"), [], [], table, 1)
    found, sounds = tmp_path / "base.json", tmp_path / "base.sounds.json"
    job = job_settings.scores_job(settings, name, "base")
    scores.make(job, separator, [], None, [table], [], found, sounds, tmp_path / "work", "code", 1)

    asked = job_settings.result_job(settings, name, "base")
    inputs = result.Inputs.read([found], None, [table], asked.temperature)
    (tmp_path / "again.json").write_text(json.dumps({"target": "x", "config": {}}))
    content, rows = result.record(asked, inputs, tmp_path / "r.json", "code", str(tmp_path / "again.json"))

    aggregation = {"music": "mean over classes", "audioset": "median per class, mean over classes"}
    assert content["aggregation"] == aggregation.get(name, "mean")
    assert content["counts"] == {
        "total": len(rows),
        "scored": {"vggsound": 4, "audioset": 20}.get(name, 5),
        "failed": 0,
    }
    assert content["metrics"]["sdri"]["value"] == pytest.approx(expected(rows, content["aggregation"]))
    assert [row["class"] for row in content["per_class"]] == (
        [] if name in ("audiocaps", "clotho") else sorted(CLASSES)
    )
    if name in aggregation:
        assert abs(expected(rows, "mean") - content["metrics"]["sdri"]["value"]) > 1e-6, (
            "it makes a difference"
        )
