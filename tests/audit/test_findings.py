"""Everything planted is found, with its files, and nothing else is."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import asdict, replace

import pytest
import warm
from planted import GOOD, HOSTILE, SETTINGS, SHARDS, StandIn, clip, damaged, write

from earmark.core.digests import import_closure
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.core.records import read_manifest
from earmark.data.audit import job, sounds


@pytest.fixture
def record(folder, monkeypatch):
    monkeypatch.setattr(sounds, "Sounds", StandIn)
    return job.audit("sounds", folder, SHARDS, SETTINGS, "")


def clips_of(record, code):
    found = next(f for f in record["findings"] if f["code"] == code)
    assert found["count"] == len(found["items"])
    return [[c["clip_id"] for c in item["clips"]] for item in found["items"]]


@pytest.mark.parametrize(
    ("code", "planted"),
    [
        ("failed: undecodable", [["train000"]]),
        ("failed: missing", [["train001"]]),
        (f"failed: {HOSTILE}", [["test004"]]),
        ("unused", [["train002"]]),
        ("silent", [["train003"]]),
        ("mostly_silent", [["train004"]]),
        ("clipped", [["train005"]]),
        ("upsampled", [["train006"]]),
        ("mislabelled", [["train007"]]),
        ("too_short", [["train008"]]),
        ("no_licence", [["train009"]]),
        ("overlap_source", [["test001", "train013"]]),
        ("overlap_near", [["train014", "test002"]]),
    ],
)
def test_what_is_planted_is_found_and_nothing_else(record, code, planted):
    assert clips_of(record, code) == planted


def test_duplicates_overlaps_and_conflicts_are_told_apart(record):
    assert sorted(map(sorted, clips_of(record, "exact"))) == [
        ["test000", "train012"],
        ["train010", "train011"],
    ]
    assert list(map(sorted, clips_of(record, "overlap_audio"))) == [["test000", "train012"]]
    conflicts = clips_of(record, "label_conflict")
    assert sorted(conflicts[0]) == ["train010", "train011"]
    assert ["train014", "test002"] in conflicts
    pairs = clips_of(record, "near")
    assert pairs and all(len(pair) == 2 for pair in pairs)
    assert ["train010", "train011"] not in [sorted(pair) for pair in pairs], "exact ones are not near ones"


def test_a_finding_names_files_clip_and_shard(record):
    (item,) = next(f for f in record["findings"] if f["code"] == "clipped")["items"]
    assert item["detail"] == "2.00 % of samples at full scale"
    assert item["clips"] == [
        {
            "clip_id": "train005",
            "split": "train",
            "shard": "train-00001-of-00002.tar",
            "files": ["/corpus/train005.wav"],
            "more_files": 0,
        }
    ]
    (item,) = next(f for f in record["findings"] if f["code"].startswith("failed: <"))["items"]
    assert (len(item["clips"][0]["files"]), item["clips"][0]["more_files"]) == (3, 4)


def test_nearly_the_same_audio_is_said_with_its_measure(record):
    (item,) = next(f for f in record["findings"] if f["code"] == "near")["items"]
    assert item["detail"] == "correlation 1.00 over 1.00 s"


def test_silence_is_no_overlap_and_no_conflict_and_is_called_silent(tmp_path):
    quiet = replace(GOOD, silent_share=1.0, rms_db=-90.0)
    clips = [clip(0, "train", "dog"), clip(1, "test", "rain"), clip(2, "test", "dog")]
    for each in clips:
        each.sha256, each.measures = "zeros", quiet
    shards = {"train": 1, "test": 1}
    record = job.audit("sounds", write(tmp_path, clips, shards), shards, SETTINGS, "")
    assert len(clips_of(record, "silent")) == 3
    assert clips_of(record, "overlap_audio") == clips_of(record, "label_conflict") == []
    (item,) = next(f for f in record["findings"] if f["code"] == "exact")["items"]
    assert item["detail"].startswith("3 silent clips, ")


def test_without_measures_findings_say_so(tmp_path):
    bare = [clip(i, split, "dog", measures=None) for split in ("train", "test") for i in range(4)]
    record = job.audit("sounds", write(tmp_path, bare), SHARDS, SETTINGS, "")
    counts = {f["code"]: f["count"] for f in record["findings"]}
    assert {code for code, count in counts.items() if count is None} == {
        "silent",
        "mostly_silent",
        "clipped",
        "several_streams",
        "several_tracks",
        "gaps",
        "upsampled",
        "mislabelled",
        "near",
        "overlap_near",
    }
    assert counts["exact"] == 0
    assert record["clips"]["overall"]["not_measured"] == 8


def test_counts_add_up_and_properties_are_counted(record):
    rows = damaged()
    assert record["clips"]["overall"] == {"all": 42, "ok": 38, "failed": 3, "unused": 1, "not_measured": 1}
    assert record["clips"]["train"]["all"] + record["clips"]["test"]["all"] == len(rows)
    licences = {each["value"]: each["clips"] for each in record["properties"]["licence"]}
    assert licences == dict(Counter(c.licence for c in rows if c.ok))
    rates = {each["value"]: each["clips"] for each in record["properties"]["source rate"]}
    assert rates == {"16000 Hz": 36, "8000 Hz": 1}


def test_a_container_that_fits_its_name_is_no_finding(tmp_path):
    pairs = [
        ("a.wav", "wav"),
        ("a.WAV", "wavex"),
        ("a.ogg", "ogg"),
        ("a.m4a", "mov,mp4,m4a,3gp,3g2,mj2"),
        ("a.webm", "matroska,webm"),
        ("a", "wav"),
        ("a.xyz", "flac"),
        ("a.mp3", "mp3"),
    ]
    clips = [clip(i, "test", "dog") for i in range(len(pairs))]
    for each, (name, container) in zip(clips, pairs):
        each.parts[0] = replace(each.parts[0], path=f"/x/{name}")
        each.measures = replace(GOOD, container=container)
    record = job.audit("sounds", write(tmp_path, clips, {"test": 1}), {"test": 1}, SETTINGS, "")
    assert clips_of(record, "mislabelled") == []


def test_a_missing_index_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"train-00000-of-00002.parquet is missing"):
        job.audit("sounds", tmp_path, SHARDS, SETTINGS, "")


def test_the_script_writes_both_files_changes_no_index_and_exits_well(tmp_path):
    # No audio stands behind these clips: without the near pair there is none to compare.
    folder = write(tmp_path, damaged(), copies=())
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    output, page = tmp_path / "audit.json", tmp_path / "audit.html"
    command = [warm.python(), str(SCRIPTS / "audit.py"), "--task", "sounds", "--folder", str(folder)]
    command += ["--shards", json.dumps(SHARDS), "--settings", json.dumps(asdict(SETTINGS))]
    command += ["--output", str(output), "--page", str(page), "--code", "abc"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sounds: 38 of 42 clips usable, ") and done.stdout.count("\n") == 1
    assert "; clipped 1; " in done.stdout
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == before
    record = json.loads(output.read_text())
    assert record["schema"] == "earmark/audit/1" and record["provenance"]["code"] == "abc"
    assert len(page.read_bytes()) < 10_000_000
    assert sum(len(read_manifest(path)) for path in (folder / "shards").iterdir()) == 42


def test_an_audit_needs_no_decoder_of_files_as_they_come(folder):
    names = {path.relative_to(SCRIPTS).as_posix() for path in import_closure("audit.py")}
    assert "earmark/data/audit/lengths.py" in names and not names & {
        "earmark/audio/waveform.py",
        "earmark/data/shards.py",
    }


def test_a_shard_that_is_not_there_to_compare_is_one_line(folder):
    with pytest.raises(UserError, match=r"0000\d-of-0000\d.tar is missing; make it with: snakemake "):
        job.audit("sounds", folder, SHARDS, SETTINGS, "")
