"""Parquet with the audio inside: names of classes from the file, rows that can't be used listed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.data.sources import parquet

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path: Path, rows: list[dict], features: dict | None = None, audio: pa.DataType = AUDIO) -> None:
    others = [name for name in rows[0] if name != "audio"]
    table = pa.table(
        {"audio": pa.array([r["audio"] for r in rows], audio), **{n: [r[n] for r in rows] for n in others}}
    )
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=2)


def collect(root, **settings):
    complete = completed(**{"kind": "parquet", "root": str(root), "splits": {"test": "*.parquet"}} | settings)
    return list(parquet.collect(complete, root / "out", 0, 2))


def held(content: bytes | None, path: str | None = None) -> dict:
    return {"bytes": content, "path": path}


def test_class_numbers_get_the_names_the_file_brings(tmp_path):
    names = ["dog", "雨", "=cat()"]
    rows = [
        {"audio": held(tone(0.5 + n), f"{n}.wav"), "label": n, "tags": [n, 0], "text": f"t{n}", "who": "ann"}
        for n in range(3)
    ]
    features = {
        "audio": {"_type": "Audio"},
        "label": {"names": names, "_type": "ClassLabel"},
        "tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"},
    }
    write(tmp_path / "a.parquet", rows, features)
    clips = collect(tmp_path, columns={"text": "text", "group": "who"}, licence="CC0-1.0")
    assert [(c.labels, c.text, c.group, c.licence, c.duration_s) for c in clips] == [
        ([name], f"t{n}", "ann", "CC0-1.0", 0.5 + n) for n, name in enumerate(names)
    ]
    assert [c.labels for c in collect(tmp_path, columns={"label": "tags"})] == [
        [name, "dog"] for name in names
    ]


def test_plain_bytes_and_plain_labels_do(tmp_path):
    write(tmp_path / "a.parquet", [{"audio": tone(suffix="FLAC"), "label": "x;y"}], audio=pa.binary())
    (clip,) = collect(tmp_path, label_separator=";")
    assert (clip.labels, clip.ok, clip.clip_id) == (["x", "y"], True, "test/a.parquet/0000000")


def test_rows_that_cannot_be_used_are_listed_and_nothing_leaves_the_folder(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    features = {"label": {"names": ["x"], "_type": "ClassLabel"}}
    rows = [
        {"audio": held(tone(), "../../escaped.wav"), "label": 0, "id": "../../a\nb"},
        {"audio": held(None, "/etc/passwd"), "label": 0, "id": "none"},
        {"audio": None, "label": 0, "id": "null"},
        {"audio": held(b"no audio at all", "x.wav"), "label": 0, "id": "text"},
        {"audio": held(tone(), "x.sh"), "label": -1, "id": "unlabelled"},
        {"audio": held(tone(8), "x.wav"), "label": 0, "id": "big"},
    ]
    write(root / "a.parquet", rows, features)
    clips = collect(root, columns={"id": "id"}, limits={"member_mb": 0.1})
    assert [clip.reason.partition(" (")[0] for clip in clips] == [
        *["", "no audio bytes", "no audio bytes"],
        *["unreadable", "no label", "too large"],
    ]
    assert clips[0].clip_id == "test/a.parquet/../../a\\nb"
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert {path.suffix for path in (root / "out").rglob("*") if path.is_file()} == {
        ".wav",
        ".audio",
        ".jsonl",
    }


def test_a_finished_file_is_not_unpacked_again(tmp_path):
    write(tmp_path / "a.parquet", [{"audio": held(tone()), "label": "x"}])
    (first,) = collect(tmp_path)
    inode = Path(first.parts[0].path).stat().st_ino
    (second,) = collect(tmp_path, licence="CC0-1.0")
    assert (Path(second.parts[0].path).stat().st_ino, second.licence) == (inode, "CC0-1.0")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"audio_column": "adio"}, "audio_column: .* has no column 'adio'; did you mean 'audio'"),
        ({"audio_column": "label"}, "'label' is string, not bytes"),
        ({"columns": {"label": "lable"}}, "columns.label: .* did you mean 'label'"),
        ({"splits": {"test": "b.parquet"}}, "no file below .* matches 'b.parquet'; nearest: a.parquet"),
        ({"limits": {"archive_mb": 0.001}}, "limits.archive_mb allows"),
    ],
)
def test_mistakes_are_named_with_a_hint(tmp_path, settings, message):
    write(tmp_path / "a.parquet", [{"audio": held(tone()), "label": "x"}])
    with pytest.raises(UserError, match=message):
        collect(tmp_path, **settings)


@pytest.mark.parametrize("damage", ["cut", "garbled", "text", "letters"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "a.parquet"
    write(path, [{"audio": held(tone()), "label": "barking"}] * 4)
    pq.write_table(pq.read_table(path), path, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    if damage == "garbled":
        data[4:4000] = b"x" * 3996
    letters = data.replace(b"barking", b"bark\xffng")
    path.write_bytes({"cut": data[:-50], "garbled": data, "text": b"hello", "letters": letters}[damage])
    with pytest.raises(UserError, match="a.parquet is damaged"):
        collect(tmp_path)
