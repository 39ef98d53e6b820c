from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from made import completed
from media_server import serving

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.core.records import WANTED, Tally
from earmark.data.sources import youtube

CLASSES = 'index,mid,display_name\n0,/m/a,"Dog, barking"\n1,/m/b,Rain\n'
HEAD = "# Segments csv created\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\n"
URL = "https://www.youtube.com/watch?v={id}"


def collect(folder: Path, url: str = URL, **lists: str):
    (folder / "classes.csv").write_text(CLASSES)
    for split, text in lists.items():
        (folder / f"{split}.csv").write_text(HEAD + text)
    settings = {
        "lists": {split: str(folder / f"{split}.csv") for split in lists},
        "classes": str(folder / "classes.csv"),
        "url": url,
        "licence": "x",
    }
    return youtube.collect(completed(kind="youtube", **settings), folder / "source", 0, 1)


def test_a_segment_is_a_wanted_row_with_names_and_codes_of_its_classes(tmp_path):
    (clip,) = collect(tmp_path, train='--PJHxphWEs, 30.000, 40.000, "/m/a,/m/b"\n')
    assert clip.clip_id == "Y--PJHxphWEs_30000" and clip.source_id == ["--PJHxphWEs"]
    assert clip.parts[0].path == "https://www.youtube.com/watch?v=--PJHxphWEs"
    assert (clip.parts[0].start_s, clip.parts[0].end_s, clip.duration_s) == (30, 40, 10)
    assert clip.labels == ["Dog, barking", "Rain"] and clip.text == "/m/a;/m/b"
    assert (clip.split, clip.origin, clip.status) == ("train", "youtube", WANTED)
    tally = Tally()
    assert list(tally.watch([clip])) and not tally.reasons


@pytest.mark.parametrize("name", ["short", "dQw4w9WgXc/", "../../../x", "dQw4w9WgXcQ&list=1", "dQw4w9 gXcQ"])
def test_on_youtube_only_eleven_letters_are_an_id(tmp_path, name):
    (clip,) = collect(tmp_path, test=f'"{name}", 0, 10, "/m/a"\n')
    assert clip.status == "failed" and clip.reason == f"bad id ({name!r})"
    assert "/" not in clip.clip_id and "&" not in clip.parts[0].path.partition("=")[2]


def test_an_unknown_class_names_its_line(tmp_path):
    with pytest.raises(UserError, match=r"test.csv, line 5: class '/m/zzz' is not in"):
        list(collect(tmp_path, test='aaaaaaaaaaa, 0, 10, "/m/a"\nbbbbbbbbbbb, 0, 10, "/m/zzz"\n'))


@pytest.mark.parametrize(
    "line",
    ["aaaaaaaaaaa, 0, 10", "a, zero, 10, /m/a", "a, 10, 10, /m/a", "a, 0, inf, /m/a", "a, nan, 1, /m/a"],
)
def test_a_line_that_is_no_segment_is_named(tmp_path, line):
    with pytest.raises(UserError, match="test.csv, line 4: "):
        list(collect(tmp_path, test=line + "\n"))


def test_several_segments_of_a_recording_are_a_clip_each(tmp_path):
    lines = 'aaaaaaaaaaa, 0, 10, "/m/a"\nAaaaaaaaaaa, 0, 10, "/m/a"\naaaaaaaaaaa, 5, 15, "/m/b"\n'
    found = list(collect(tmp_path, test=lines))
    assert [clip.clip_id for clip in found] == ["Yaaaaaaaaaaa_0", "YAaaaaaaaaaa_0", "Yaaaaaaaaaaa_5000"]
    assert found[0].source_id == found[2].source_id == ["aaaaaaaaaaa"]


def test_a_segment_listed_twice_or_a_recording_in_both_splits_names_both_lines(tmp_path):
    one = 'aaaaaaaaaaa, 0, 10, "/m/a"\n'
    with pytest.raises(UserError, match=r"test.csv, line 5: segment 'aaaaaaaaaaa' .* at .*test.csv, line 4"):
        list(collect(tmp_path, test=one * 2))
    other = 'aaaaaaaaaaa, 20, 30, "/m/a"\n'
    with pytest.raises(UserError, match=r"test.csv, line 4: id .* other split, at .*train.csv, line 4"):
        list(collect(tmp_path, train=one, test=other))


def _plain(folder, **lists):
    for split, content in lists.items():
        (folder / f"{split}.csv").write_text(content)
    settings = {
        "lists": {split: str(folder / f"{split}.csv") for split in lists},
        "classes": None,
        "url": "https://www.youtube.com/watch?v={id}",
        "licence": "x",
    }
    return list(youtube.collect(completed(kind="youtube", **settings), folder / "source", 0, 1))


def test_lists_of_vggsound_are_read_by_split(tmp_path):
    content = (
        '---g-f_I2yQ,1,people marching,test\n--CC5pH97q4,15,"dog barking, howling",train\n'
        "--CC5pH97q4,40,people marching,train\n"
    )
    found = _plain(tmp_path, train=content, test=content)
    assert [(clip.clip_id, clip.split, clip.labels) for clip in found] == [
        ("Y--CC5pH97q4_15000", "train", ["dog barking, howling"]),
        ("Y--CC5pH97q4_40000", "train", ["people marching"]),
        ("Y---g-f_I2yQ_1000", "test", ["people marching"]),
    ]
    assert (found[0].parts[0].start_s, found[0].parts[0].end_s) == (15, 25)


def test_lists_of_audiocaps_are_captions(tmp_path):
    content = (
        "audiocap_id,youtube_id,start_time,caption\n"
        '1,aaaaaaaaaaa,30,"A dog barks, then howls"\n2,aaaaaaaaaaa,60,Rain\n'
    )
    found = _plain(tmp_path, test=content)
    assert [(clip.text, clip.labels, clip.parts[0].start_s) for clip in found] == [
        ("A dog barks, then howls", [], 30),
        ("Rain", [], 60),
    ]


def test_codes_need_a_table_of_classes(tmp_path):
    with pytest.raises(UserError, match="needs data.source.classes to name it"):
        _plain(tmp_path, test='aaaaaaaaaaa, 0, 10, "/m/a"\n')


def test_lists_are_fetched_from_addresses_and_their_hash_is_kept(tmp_path):
    with serving() as server:
        text = (HEAD + 'a1, 0, 10, "/m/a"\n').encode()
        settings = {
            "lists": {"test": server.add("/eval.csv", text)},
            "classes": server.add("/classes.csv", CLASSES.encode()),
            "url": "http://mirror.example/{id}.wav",
            "licence": "",
        }
        server.fault("/eval.csv", status=503, times=1)
        (clip,) = youtube.collect(completed(kind="youtube", **settings), tmp_path, 0, 1)
        assert clip.parts[0].path == "http://mirror.example/a1.wav" and clip.origin == "mirror.example"
        about = json.loads((tmp_path / "test.csv.json").read_text())
        assert about["sha256"] == hashlib.sha256(text).hexdigest()
        settings["lists"] = {"test": f"{server.url}/none.csv"}
        with pytest.raises(UserError, match=r"data.source.lists.test: http://.*none.csv .*HTTP 404"):
            list(youtube.collect(completed(kind="youtube", **settings), tmp_path, 0, 1))


def test_the_official_lists_are_read(real_audio, tmp_path):
    folder = real_audio / "audioset_meta"
    if not folder.is_dir():
        pytest.skip(f"no lists at {folder}; put AudioSet's segment and class CSVs there")
    settings = {
        "lists": {
            "train": str(folder / "balanced_train_segments.csv"),
            "test": str(folder / "eval_segments_head.csv"),
        },
        "classes": str(folder / "class_labels_indices.csv"),
        "url": URL,
        "licence": "",
    }
    clips = list(youtube.collect(completed(kind="youtube", **settings), tmp_path, 0, 1))
    train = [clip for clip in clips if clip.split == "train"]
    # The list's own second comment line: num_segs=22160, num_positive_labels=52882.
    assert len(train) == 22160 and sum(len(clip.labels) for clip in train) == 52882
    assert all(clip.status == WANTED for clip in clips)
    assert len({clip.clip_id for clip in clips}) == len(clips)


def test_audioset_is_configured_and_nothing_default_depends_on_it():
    settings = Settings.load(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROOT)
    segments = {
        "audioset": {"train": 22160, "test": 20371},
        "audioset_full": {"train": 2041789, "test": 20371},
    }
    for name, counts in segments.items():
        assert settings.fetched(name) and name not in settings.used_tasks()
        shards = settings.task(name).data.shards
        assert all(900 <= count / shards.of(split) <= 1000 for split, count in counts.items())
