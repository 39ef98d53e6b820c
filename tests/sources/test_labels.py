"""Labels that a reader takes for one another stop the job, and are made one only where config says so."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.core.records import read_manifest
from earmark.data.sources import parquet
from earmark.data.sources.labels import Labels, alike


def _list(tmp_path, *labels: str) -> dict:
    for number in range(len(labels)):
        (tmp_path / f"{number}.wav").write_bytes(tone(0.2, 200 + 30 * number))
    rows = [{"file": f"{number}.wav", "label": label} for number, label in enumerate(labels)]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    return {"kind": "list", "root": str(tmp_path), "lists": {"test": "list.json"}}


@pytest.mark.parametrize(
    ("labels", "cure"),
    [
        (("dog", " dog", "cat "), "{strip: true}"),
        (("dog", "Dog", "cat"), "{lower: true}"),
        (("caf\u00e9", "cafe\u0301"), "{normalise: true}"),
        (("wind\u2013rain", "wind-rain"), "{normalise: true}"),
        (("dog", "DOG ", "d\u200bog"), "{strip: true, normalise: true, lower: true}"),
        (("\u0441at", "cat"), "correct them at their source"),
    ],
)
def test_labels_that_look_alike_stop_the_job_with_the_cure(download, tmp_path, labels, cure):
    done = download(check=False, **_list(tmp_path, *labels))
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert "labels that differ by space, case or look alone" in line and cure in line
    assert not download.output.exists()


def test_the_cure_makes_them_one_and_keep_leaves_them(download, tmp_path):
    source = _list(tmp_path, "dog", "Dog ", "cat")
    download("--labels", json.dumps({"strip": True, "lower": True}), **source)
    assert [clip.labels for clip in read_manifest(download.output)] == [["dog"], ["dog"], ["cat"]]
    download("--labels", json.dumps({"alike": "keep"}), **source)
    assert [clip.labels for clip in read_manifest(download.output)] == [["dog"], ["Dog "], ["cat"]]


def test_nothing_else_is_taken_for_one_another():
    different = [
        "dog",
        "dogs",
        "hot dog",
        "d-og",
        "1",
        "10",
        "\u0441\u043e\u0431\u0430\u043a\u0430",
        "sobaka",
    ]
    assert len({alike(label) for label in different}) == len(different)
    assert (
        Labels(normalise=True).applied("\u0441\u043e\u0431\u0430\u043a\u0430")
        == "\u0441\u043e\u0431\u0430\u043a\u0430"
    )


def _parquet(tmp_path, labels: pa.Array) -> dict:
    audio = [tone(0.2, 200 + 30 * number) for number in range(len(labels))]
    pq.write_table(pa.table({"audio": audio, "label": labels}), tmp_path / "a.parquet")
    return completed(kind="parquet", root=str(tmp_path), splits={"test": "a.parquet"})


def test_bytes_of_parquet_are_the_text_they_spell(tmp_path):
    source = _parquet(tmp_path, pa.array([b"dog", "caf\u00e9".encode(), b"\xff"], pa.binary()))
    found = list(parquet.collect(source, tmp_path / "out", 0, 1))
    assert [clip.labels for clip in found[:2]] == [["dog"], ["caf\u00e9"]]
    assert found[2].reason == "bad metadata (no text (bytes that are not UTF-8))"


def test_a_struct_is_no_label(tmp_path):
    source = _parquet(tmp_path, pa.array([{"name": "dog", "id": 1}]))
    with pytest.raises(UserError, match="'label' of .* is a struct of (name, id|id, name)"):
        list(parquet.collect(source, tmp_path / "out", 0, 1))
