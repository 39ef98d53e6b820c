"""Real speech packed for real: copies are found in other formats and splits, strangers are not alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from planted import SETTINGS

from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.data.audit import hearing, job, prints


def row(path: Path, split: str, label: str) -> Clip:
    name = f"{split}-{path.stem.replace('.', '_')}"
    end = soundfile.info(path).duration
    part = Part(str(path), 0.0, end)
    return Clip(name, [name], [part], end, 0, 0, split, [label], licence="CC-BY-4.0", key=name)


@pytest.fixture(scope="module")
def record(real_audio, tmp_path_factory):
    made = tmp_path_factory.mktemp("made")
    folder = real_audio / "speaker_gender"
    table = pd.read_csv(folder / "metadata.csv").sort_values("file")
    train = [row(folder / file, "train", label) for file, label in zip(table.file[:18], table.label[:18])]
    test = [row(folder / file, "test", label) for file, label in zip(table.file[18:], table.label[18:])]
    samples, rate = soundfile.read(folder / table.file.iloc[0], dtype="float32")
    slow = soxr.resample(samples, rate, 8000)
    soundfile.write(made / "near.wav", 0.5 * slow, 8000)
    soundfile.write(made / "loud.wav", np.clip(40 * samples, -1, 1), rate)
    soundfile.write(made / "quiet.wav", np.zeros(rate, dtype=np.float32), rate)
    (made / "named.mp3").write_bytes((folder / table.file.iloc[20]).read_bytes())
    other = {"female": "male", "male": "female"}[table.label.iloc[0]]
    test += [row(made / "near.wav", "test", other), row(made / "quiet.wav", "test", "male")]
    train += [row(made / "loud.wav", "train", table.label.iloc[0]), row(made / "named.mp3", "train", "male")]
    out = tmp_path_factory.mktemp("packed")
    for split, clips in (("train", train), ("test", test)):
        name = out / "shards" / f"{split}-00000-of-00001"
        shards.write(
            lambda c=clips: iter(c),
            name.with_suffix(".tar"),
            name.with_suffix(".parquet"),
            shards.Form(16000),
        )
        prints.write(hearing.heard([name.with_suffix(".tar")]), out / "fingerprints" / f"{name.name}.parquet")
    return table.file.tolist(), job.audit("speech", out, {"train": 1, "test": 1}, SETTINGS, "")


def found(record, code):
    items = next(f for f in record["findings"] if f["code"] == code)["items"]
    return sorted(sorted(Path(c["files"][0]).name for c in item["clips"]) for item in items)


def test_copies_are_found_whatever_became_of_them_and_strangers_are_not_alike(record):
    files, audit = record
    first, other = (Path(files[i]).name for i in (0, 20))
    assert found(audit, "near") == sorted(
        map(sorted, [[first, "near.wav"], [first, "loud.wav"], ["loud.wav", "near.wav"]])
    )
    assert found(audit, "overlap_near") == sorted(
        map(sorted, [[first, "near.wav"], ["loud.wav", "near.wav"]])
    )
    assert found(audit, "exact") == found(audit, "overlap_audio") == [sorted([other, "named.mp3"])]
    assert [first, "near.wav"] in found(audit, "label_conflict") or ["near.wav", first] in found(
        audit, "label_conflict"
    )


def test_damage_is_told_from_real_measures(record):
    _, audit = record
    assert found(audit, "upsampled") == [["near.wav"]]
    assert found(audit, "silent") == [["quiet.wav"]]
    assert ["loud.wav"] in found(audit, "clipped")
    assert found(audit, "mislabelled") == [["named.mp3"]]
    assert audit["measured"] == {"measures": True, "fingerprints": True}
