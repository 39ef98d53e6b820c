"""Shards: the same clips give the same bytes, stock loaders train from them, failures stay listed."""

from __future__ import annotations

import copy
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import braceexpand
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import warm
import webdataset as wds

from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.places import SCRIPTS
from earmark.core.records import Clip, Part, Span, iter_manifest, read_manifest, write_manifest
from earmark.data import shards
from earmark.data.shards import Form

FORM = Form(16000)


def make(folder, count=5):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    clips = []
    for i in range(count):
        path = folder / f"{i}.wav"
        soundfile.write(path, (rng.standard_normal(8000) * 0.1).clip(-1, 1), 16000, subtype="PCM_16")
        clips.append(
            Clip(
                f"c{i}", [f"s{i}"], [Part(str(path), 0.0, 0.5)] * 2, 1.0, 16000, 1, "test", ["a"], key=f"k{i}"
            )
        )
    return clips


def write(clips, tar, form=FORM, **options):
    shards.write(lambda: iter(copy.deepcopy(clips)), tar, tar.with_suffix(".parquet"), form, **options)


PACK = """
import sys
from pathlib import Path
from earmark.data import shards
from earmark.core.records import iter_manifest
manifest, tar = map(Path, sys.argv[1:])
shards.write(lambda: iter_manifest(manifest), tar, tar.with_suffix(".parquet"), shards.Form(16000))
"""


def test_another_process_with_the_files_elsewhere_writes_the_same_bytes(tmp_path):
    write(make(tmp_path / "here"), tmp_path / "a.tar")
    write_manifest(tmp_path / "m.parquet", make(tmp_path / "there"))
    command = [sys.executable, "-c", PACK, str(tmp_path / "m.parquet"), str(tmp_path / "b/a.tar")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    assert sha256(tmp_path / "a.tar") == sha256(tmp_path / "b/a.tar")
    rows = [read_manifest(p / "a.parquet") for p in (tmp_path, tmp_path / "b")]
    assert [c.measures for c in rows[0]] == [c.measures for c in rows[1]]


def test_parts_come_back_joined_and_sample_exact(tmp_path):
    write(make(tmp_path), tmp_path / "a.tar")
    for i, (key, samples) in enumerate(shards.stream(tmp_path / "a.tar", 16000)):
        source, _ = soundfile.read(tmp_path / f"{i}.wav", dtype="float32")
        assert key == f"k{i}"
        assert np.array_equal(samples, np.concatenate([source, source]))


def test_stock_tools_read_a_split_by_its_brace_pattern(tmp_path):
    clips = make(tmp_path, 8)
    for k in range(4):
        write(clips[k::4], tmp_path / f"train-{k:05d}-of-00004.tar")
    pattern = str(tmp_path / "train-{00000..00003}-of-00004.tar")
    assert [Path(name).exists() for name in braceexpand.braceexpand(pattern)] == [True] * 4
    read = [
        (s["__key__"], soundfile.read(io.BytesIO(s["flac"]))[1], s["json"]["label"])
        for s in wds.WebDataset(pattern, shardshuffle=False).decode()
    ]
    assert read == [(f"k{i}", 16000, "a") for i in (0, 4, 1, 5, 2, 6, 3, 7)]


def test_a_folder_with_braces_is_read_as_it_is_called(tmp_path):
    write(make(tmp_path / "x{1..2}"), tmp_path / "x{1..2}" / "a.tar")
    assert len(list(shards.stream(tmp_path / "x{1..2}" / "a.tar", 16000))) == 5


def texts(content, keys):
    """Which targets a XARES-LLM loader makes of a JSON member: the first key with a value counts."""
    for key in [*keys.split(";"), "captions", "caption", "text"]:
        value = content.get(key)
        if isinstance(value, str | int | float) and value:
            return [str(value)]
        if isinstance(value, list) and value:
            return value
    raise ValueError("no usable field")


def test_the_json_beside_the_audio_is_enough_to_train_from(tmp_path):
    single, several, spoken, chosen = make(tmp_path, 4)
    several.labels = ["rain", "wind", "dog"]
    spoken.labels, spoken.text = [], "go forward"
    chosen.text, chosen.options = "what is it?", ["a", "b"]
    write([single, several, spoken, chosen], tmp_path / "a.tar")
    found = [json.loads(s["json"]) for s in shards.members(tmp_path / "a.tar")]
    assert texts(found[0], "labels;label;text;caption") == ["a"] == texts(found[0], "label;labels")
    assert texts(found[1], "label;labels") == ["rain;wind;dog"]
    assert texts(found[2], "labels;label;text;caption") == ["go forward"]
    assert found[3]["options"] == ["a", "b"]
    assert all(c["id"] == f"c{i}" and c["duration_s"] == 1.0 for i, c in enumerate(found))
    assert str(tmp_path) not in json.dumps(found)


def test_an_undecodable_clip_is_listed_with_its_reason_and_left_out(tmp_path):
    clips = make(tmp_path)
    (tmp_path / "2.wav").write_bytes(b"RIFF" + b"\0" * 100)
    write(clips, tmp_path / "a.tar", max_failed_share=0.2)
    back = read_manifest(tmp_path / "a.parquet")
    assert [c.status for c in back] == ["ok", "ok", "failed", "ok", "ok"]
    assert back[2].reason.startswith("unreadable (")
    assert [key for key, _ in shards.stream(tmp_path / "a.tar", 16000)] == ["k0", "k1", "k3", "k4"]


def test_over_the_error_budget_neither_tar_nor_index_is_left(tmp_path):
    clips = make(tmp_path)
    (tmp_path / "2.wav").unlink()
    with pytest.raises(UserError, match="1 of 5 recordings cannot be used .*2.wav: missing"):
        write(clips, tmp_path / "out" / "a.tar")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_process_leaves_the_shard_of_before(tmp_path, monkeypatch):
    clips = make(tmp_path)
    write(clips[:3], tmp_path / "out/a.tar")
    before = sha256(tmp_path / "out/a.tar")
    (tmp_path / "3.wav").write_bytes(b"known to no decoder" * 99)
    (tmp_path / "slow").write_text(f"#!/bin/sh\ntouch {tmp_path}/reached\nexec sleep 2\n")
    (tmp_path / "slow").chmod(0o755)
    monkeypatch.setenv("EARMARK_FFMPEG", str(tmp_path / "slow"))
    process = os.fork()
    if not process:
        try:
            write(clips, tmp_path / "out/a.tar")
        finally:
            os._exit(1)
    while not (tmp_path / "reached").exists():
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    left = {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    assert left == {"a.tar", "a.parquet"}
    assert sha256(tmp_path / "out/a.tar") == before
    assert len(read_manifest(tmp_path / "out/a.parquet")) == 3


def test_a_full_disk_while_packing_is_one_line_and_the_same_command_goes_on(tmp_path, small_disk):
    write_manifest(tmp_path / "m.parquet", make(tmp_path / "wav", 40))
    form = {"sample_rate": 16000, "channels": "mean", "shard_limits": {"clips": 100, "megabytes": 100}}

    def pack(folder):
        options = {"clips": tmp_path / "m.parquet", "split": "test", "shard": 0, "of": 1}
        options |= {"output": folder / "a.tar", "index": folder / "a.parquet", "settings": json.dumps(form)}
        command = [warm.python(), str(SCRIPTS / "pack.py")]
        command += [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        return subprocess.run(command, capture_output=True, text=True)

    full = pack(small_disk)
    assert full.returncode == 1 and "Traceback" not in full.stderr
    assert full.stderr.splitlines()[-1].startswith("error: no space left on the disk")
    assert list(small_disk.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert pack(small_disk).returncode == 0 == pack(tmp_path).returncode
    for name in ("a.tar", "a.parquet"):
        assert sha256(small_disk / name) == sha256(tmp_path / name)


def test_killed_between_the_two_renames_the_old_index_is_gone(tmp_path, monkeypatch):
    write(make(tmp_path), tmp_path / "a.tar")
    renamed = []
    replace = type(tmp_path).replace

    def dying(self, target):
        renamed.append(target.name)
        if len(renamed) == 3:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        write(make(tmp_path)[:2], tmp_path / "a.tar")
    assert renamed[1:] == ["a.tar", "a.parquet"]
    assert (tmp_path / "a.tar").exists() and not (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (Form(16000, max_clips=2), "8 clips in one shard .*shard_limits.clips allows .2.*shards.train to 12"),
        (
            Form(16000, max_megabytes=0.06),
            "about 0.2.* MB in one .*megabytes allows .0.06.*shards.train to 1[0-9]",
        ),
    ],
)
def test_a_shard_over_its_limit_names_the_number_of_shards_that_would_do(tmp_path, form, message):
    clips = make(tmp_path, 8)
    with pytest.raises(UserError, match=message):
        write(clips, tmp_path / "out" / "a.tar", form, split="train", of=3)
    assert list((tmp_path / "out").glob("*")) == [] if (tmp_path / "out").exists() else True


@pytest.mark.parametrize("key", ["../x", "a/b", "x;rm -rf ~", "", "-ok\n", "a.b", "é"])
def test_a_hostile_key_never_reaches_the_tar(tmp_path, key):
    clips = make(tmp_path, 1)
    clips[0].key = key
    with pytest.raises(UserError, match="is not of letters"):
        write(clips, tmp_path / "a.tar")


def test_a_hostile_id_is_but_text(tmp_path):
    clips = make(tmp_path, 1)
    clips[0].clip_id = "../../etc/$(reboot)\n'\";"
    write(clips, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames() == ["k0.flac", "k0.json"]
    assert json.loads(next(shards.members(tmp_path / "a.tar"))["json"])["id"] == clips[0].clip_id


def test_two_clips_with_one_key_are_refused(tmp_path):
    clips = make(tmp_path)
    clips[4].key = "k1"
    with pytest.raises(UserError, match="two clips have the key 'k1' .*'c4'"):
        write(clips, tmp_path / "a.tar")


def test_a_damaged_tar_is_noticed(tmp_path):
    write(make(tmp_path), tmp_path / "a.tar")
    content = (tmp_path / "a.tar").read_bytes()
    for damaged in (
        content[: len(content) // 2],
        content[:3000] + bytes(1500) + content[4500:],
        b"no tar" * 999,
    ):
        (tmp_path / "a.tar").write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            list(shards.stream(tmp_path / "a.tar", 16000))


def test_a_whole_mono_flac_file_at_the_right_rate_keeps_its_bytes(tmp_path):
    clip = make(tmp_path, 1)[0]
    samples, _ = soundfile.read(tmp_path / "0.wav", dtype="int16")
    soundfile.write(tmp_path / "0.flac", samples, 16000)
    clip.parts = [Part(str(tmp_path / "0.flac"), 0.0, 0.5)]
    write([clip], tmp_path / "a.tar")
    assert next(shards.members(tmp_path / "a.tar"))["flac"] == (tmp_path / "0.flac").read_bytes()
    clip.parts = [Part(str(tmp_path / "0.flac"), 0.0, 0.4)]
    write([clip], tmp_path / "a.tar")
    assert np.array_equal(
        soundfile.read(io.BytesIO(next(shards.members(tmp_path / "a.tar"))["flac"]), dtype="int16")[0],
        samples[:6400],
    )


def test_the_index_says_what_the_audio_is_like(tmp_path):
    wave = np.zeros((48000, 2), np.float32)
    wave[:24000] = 0.5 * np.sin(np.arange(24000) * 0.1)[:, None]
    wave[:480] = 1.0
    soundfile.write(tmp_path / "x.mp3", wave, 48000, format="WAV", subtype="FLOAT")  # no MP3 at all
    clip = Clip("c", ["s"], [Part(str(tmp_path / "x.mp3"), 0.0, 1.0)], 1.0, 48000, 2, "test", ["a"], key="k")
    write([clip], tmp_path / "a.tar")
    found = read_manifest(tmp_path / "a.parquet")[0].measures
    assert (found.container, found.decoder) == ("wav", "libsndfile")
    assert (found.source_rate, found.source_channels) == (48000, 2)
    assert found.clipped_share == pytest.approx(0.01)
    assert found.silent_share == pytest.approx(0.5, abs=0.03)
    assert found.rms_db == pytest.approx(-11.6, abs=0.2)
    assert found.peak == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("block", [False, True])
def test_shards_share_out_every_clip_of_a_split_once(tmp_path, monkeypatch, block):
    monkeypatch.setattr("earmark.core.records.ROW_GROUP", 3)
    splits = ["train", "test", "test", "test", "train"] * 4
    clips = [Clip(f"c{i}", [], [], 1.0, 16000, 1, s, ["a"]) for i, s in enumerate(splits)]
    write_manifest(tmp_path / "m.parquet", iter(clips))
    shares = [list(iter_manifest(tmp_path / "m.parquet", "test", (k, 5), block=block)) for k in range(5)]
    names = [[c.clip_id for c in share] for share in shares]
    wanted = [c.clip_id for c in clips if c.split == "test"]
    assert names == ([wanted[k::5] for k in range(5)] if not block else names)
    assert sorted(sum(names, [])) == sorted(wanted)
    assert {len(share) for share in shares} <= {2, 3}
    if block:
        assert sum(names, []) == wanted


def test_clips_of_many_parts_are_written_and_read_fewer_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("earmark.core.records.ROW_GROUP", 20)
    parts, spans = [Part("a.wav", 0.0, 1.0)] * 4, [Span(0.0, 1.0, "fake")] * 3

    def groups(clips):
        write_manifest(tmp_path / "m.parquet", iter(clips))
        found = pq.ParquetFile(tmp_path / "m.parquet").metadata
        return [found.row_group(i).num_rows for i in range(found.num_row_groups)]

    joined = [Clip(f"c{i}", [], parts, 4.0, 16000, 1, "test", ["a"], spans=spans) for i in range(7)]
    assert groups(joined) == [3, 3, 1]
    assert read_manifest(tmp_path / "m.parquet") == joined
    assert groups([Clip(f"c{i}", [], [], 1.0, 16000, 1, "test", ["a"]) for i in range(45)]) == [20, 20, 5]


def test_a_shard_that_was_cut_off_is_damaged_for_a_reason_in_words(tmp_path):
    tar = tmp_path / "test-00000-of-00001.tar"
    with tarfile.open(tar, "w") as made:
        for name in ("a.flac", "b.flac"):
            member = tarfile.TarInfo(name)
            member.size = 50_000
            made.addfile(member, io.BytesIO(bytes(member.size)))
    tar.write_bytes(tar.read_bytes()[:30_000])
    with pytest.raises(UserError) as told:
        list(shards.stream(tar, 16_000))
    assert str(told.value) == f"{tar} is damaged (unexpected end of data); delete it to make it again"
