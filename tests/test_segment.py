"""Clips joined from recordings: nothing used twice, nothing lost, lengths as asked."""

from __future__ import annotations

import copy
import hashlib
import json

import pandas as pd
import pytest

from earmark.audio.reader import Reader
from earmark.config.forming import read
from earmark.core.errors import UserError
from earmark.core.records import Clip, Part, Span
from earmark.data import segment as forming
from earmark.data.segment import cut
from earmark.data.shards import Form, assemble


def recording(name: str, label: str, seconds: float = 5.0, split: str = "test") -> Clip:
    return Clip(name, [name], [Part(f"{name}.wav", 0.0, seconds)], seconds, 16000, 1, split, [label])


def segment(recordings: list[Clip], settings: dict, seed: int = 0) -> list[Clip]:
    given = [copy.deepcopy(r) for r in recordings]
    forms = {split: read(form) for split, form in settings.items()}
    return list(forming.segment(lambda split: [r for r in given if r.split == split], forms, seed))


def shape(clips: list[Clip]) -> list[tuple]:
    return [(c.clip_id, [(p.path, round(p.start_s, 6), round(p.end_s, 6)) for p in c.parts]) for c in clips]


RECORDINGS = [recording(f"{label}{i}", label, 4 + i % 3) for label in ("dog", "rain") for i in range(20)]
JOIN = {"test": {"kind": "join", "min_s": 20, "max_s": 30}}


def test_every_recording_is_used_once_and_classes_never_mix():
    clips = segment(copy.deepcopy(RECORDINGS), JOIN, seed=0)
    paths = [part.path for clip in clips for part in clip.parts]
    assert sorted(paths) == sorted(f"{r.clip_id}.wav" for r in RECORDINGS)
    for clip in clips:
        assert {s.rstrip("0123456789") for s in clip.source_id} == set(clip.labels)
        if clip.ok:
            assert 20 <= clip.duration_s <= 30 + 1e-6
            assert clip.duration_s == pytest.approx(sum(p.end_s - p.start_s for p in clip.parts))


def test_order_of_recordings_does_not_matter():
    def key(clips):
        return [(c.clip_id, [p.path for p in c.parts]) for c in clips]

    assert key(segment(copy.deepcopy(RECORDINGS), JOIN, 0)) == key(segment(RECORDINGS[::-1], JOIN, 0))


def test_a_rest_too_short_is_kept_as_unused():
    clips = segment([recording("a", "dog", 25), recording("b", "dog", 10)], JOIN, seed=0)
    assert sorted(c.status for c in clips) == ["ok", "unused"]


def test_a_rest_fills_the_last_clip_as_far_as_it_may():
    for seed in range(8):
        lengths = enumerate((12, 12, 4))
        clips = segment([recording(f"a{i}", "dog", n) for i, n in lengths], JOIN, seed)
        # In any order 12 + 12 + 4 is one clip, or 4 + 12 waits for the other 12.
        assert [c.duration_s for c in clips] == [28]


def test_long_recordings_are_cut_into_pieces_that_join():
    clips = segment([recording("a", "dog", 95)], JOIN, seed=0)
    assert all(c.duration_s <= 30 + 1e-6 for c in clips)
    assert sum(c.duration_s for c in clips) == pytest.approx(95)


def test_failed_recordings_stay_with_their_reason():
    broken = recording("x", "dog")
    broken.fail("unreadable")
    clips = segment([*copy.deepcopy(RECORDINGS), broken], JOIN, seed=0)
    assert [c.reason for c in clips if c.status == "failed"] == ["unreadable"]


def test_too_little_audio_says_which_key_to_change():
    with pytest.raises(UserError, match="min_s"):
        segment([recording("a", "dog", 5)], JOIN, seed=0)


def test_the_default_join_gives_the_clips_it_always_gave():
    content = json.dumps(shape(segment([*RECORDINGS, recording("z", "dog", 95)], JOIN, seed=3)))
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == "5b5139e036d0a70f"


def test_a_join_by_label_and_group_keeps_speakers_apart():
    recordings = []
    for i in range(40):
        clip = recording(f"u{i}", "female" if i % 4 < 2 else "male", 6)
        clip.group = f"speaker{i % 4}"
        recordings.append(clip)
    options = {"kind": "join", "min_s": 15, "max_s": 25, "by": "label+group"}
    clips = segment(recordings, {"test": options})
    speaker = {r.clip_id: r.group for r in recordings}
    for clip in clips:
        assert {speaker[s] for s in clip.source_id} == {clip.group}
    assert len({c.key for c in clips}) == len(clips)
    assert {c.group for c in clips if c.ok} == {f"speaker{i}" for i in range(4)}


def test_whole_recordings_are_never_cut_and_too_long_ones_are_said():
    recordings = [recording(f"a{i:02d}", "dog", 9 + i % 3) for i in range(12)] + [recording("b", "dog", 95)]
    for order in ("seeded", "name"):
        options = {"kind": "join", "min_s": 20, "max_s": 31, "keep_whole": True, "order": order}
        clips = segment(recordings, {"test": options})
        lengths = {r.parts[0].path: r.duration_s for r in recordings}
        parts = [part for clip in clips for part in clip.parts]
        assert all((p.start_s, p.end_s) == (0.0, lengths[p.path]) for p in parts)
        assert sorted(p.path for p in parts) == sorted(lengths)
        assert [c.reason for c in clips if c.status == "unused" and c.duration_s > 31] == [
            "recording of 95.0 s is longer than max_s"
        ]
    used = [part.path for clip in clips for part in clip.parts if part.path != "b.wav"]
    assert used == sorted(used), "by name"


def test_windows_cover_a_recording_and_the_rest_is_kept_or_said():
    long = recording("a", "dog", 10.0)
    long.spans = [Span(1.0, 2.5, "bark"), Span(3.5, 4.5, "howl"), Span(9.5, 10.0, "bark")]
    dropped = segment([long], {"test": {"kind": "windows", "window_s": 4}})
    assert [(c.status, c.parts[0].start_s, c.parts[0].end_s) for c in dropped] == [
        ("ok", 0, 4),
        ("ok", 4, 8),
        ("unused", 8, 10),
    ]
    kept = segment([long], {"test": {"kind": "windows", "window_s": 4, "rest": "keep", "min_s": 2}})
    assert [c.ok for c in kept] == [True, True, True]
    assert [c.spans for c in kept] == [
        [Span(1.0, 2.5, "bark"), Span(3.5, 4.0, "howl")],
        [Span(0.0, 0.5, "howl")],
        [Span(1.5, 2.0, "bark")],
    ]
    short = segment([long], {"test": {"kind": "windows", "window_s": 4, "rest": "keep", "min_s": 3}})
    assert short[-1].reason == "rest too short (2.00 s, at least 3)"
    assert len({c.clip_id for c in kept}) == len({c.key for c in kept}) == 3


@pytest.mark.parametrize(
    ("length", "window", "hop", "starts"),
    [(10, 4, 3, [0, 3, 6]), (10.5, 4, 3, [0, 3, 6, 9]), (10, 4, 6, [0, 6]), (4, 4, 4, [0]), (3, 4, 4, [0])],
)
def test_overlapping_windows_start_every_hop(length, window, hop, starts):
    options = {"kind": "windows", "window_s": window, "hop_s": hop, "rest": "keep"}
    clips = segment([recording("a", "dog", length)], {"test": options})
    assert [c.parts[0].start_s for c in clips] == starts
    assert all(c.parts[0].end_s <= length for c in clips)


def test_a_cut_list_names_stretches_and_labels(tmp_path):
    table = tmp_path / "cuts.csv"
    table.write_text(
        "file,start_s,end_s,label\na,1,3.5,howl\na,5,9,\nb,2,1,\nb,0,nan,\nb,0,99,\nelsewhere,0,1,\n"
    )
    a, b, c = (recording(name, "dog", 10) for name in "abc")
    a.spans = [Span(3.0, 6.0, "bark")]
    clips = segment([a, b, c], {"test": {"kind": "cuts", "table": str(table)}})
    good = [clip for clip in clips if clip.ok]
    assert [(g.parts[0].start_s, g.parts[0].end_s, g.labels) for g in good] == [
        (1, 3.5, ["howl"]),
        (5, 9, ["dog"]),
    ]
    assert [g.spans for g in good] == [[Span(2.0, 2.5, "bark")], [Span(0.0, 1.0, "bark")]]
    assert good[0].key.endswith("-howl-0000")
    assert [clip.reason.partition(" (")[0] for clip in clips if clip.status == "failed"] == ["bad cut"] * 3
    assert [clip.reason for clip in clips if clip.status == "unused"] == ["not in the cut list"]


def test_without_a_cut_list_every_part_is_a_clip():
    both = recording("a", "dog", 5)
    both.parts = [Part("x.wav", 1.0, 3.0), Part("y.wav", 4.0, 7.0)]
    both.spans = [Span(1.5, 2.5, "bark")]
    clips = segment([both], {"test": {"kind": "cuts"}})
    assert [c.parts for c in clips] == [[Part("x.wav", 1.0, 3.0)], [Part("y.wav", 4.0, 7.0)]]
    assert [c.spans for c in clips] == [[Span(1.5, 2.0, "bark")], [Span(0.0, 0.5, "bark")]]


@pytest.mark.parametrize("text", ["name,start_s,end_s\na,0,1\n", ""])
def test_a_cut_list_without_its_columns_is_refused(tmp_path, text):
    (tmp_path / "cuts.csv").write_text(text)
    with pytest.raises(UserError, match="no column 'file'"):
        segment([recording("a", "dog")], {"test": {"kind": "cuts", "table": str(tmp_path / "cuts.csv")}})


def test_spans_move_with_the_audio_they_mark():
    recordings = [copy.deepcopy(r) for r in RECORDINGS] + [recording("z", "dog", 95)]
    for r in recordings:
        r.spans = [Span(1.0, 2.0, r.clip_id), Span(3.0, r.duration_s, r.clip_id + "!")]
    marked = 0.0
    for clip in segment(recordings, JOIN):
        at = 0.0
        for part in clip.parts:
            inside = [s for s in clip.spans if s.start_s < at + part.end_s - part.start_s and s.end_s > at]
            assert {s.label.rstrip("!") for s in inside} <= {part.path.removesuffix(".wav")}
            for s in inside:
                assert s.label.endswith("!") == (s.start_s - at + part.start_s >= 2.9)
            at += part.end_s - part.start_s
        marked += sum(s.end_s - s.start_s for s in clip.spans)
    assert marked == pytest.approx(sum(s.end_s - s.start_s for r in recordings for s in r.spans))


def test_shards_cut_one_by_one_never_share_a_key():
    options = {"kind": "windows", "window_s": 2}
    shards = [list(cut(copy.deepcopy(RECORDINGS)[i::3], read(options))) for i in range(3)]
    keys = [clip.key for shard in shards for clip in shard]
    assert len(set(keys)) == len(keys)
    alone = list(cut(copy.deepcopy(RECORDINGS), read(options)))
    assert {c.key for c in alone} == set(keys), "a key does not depend on its neighbours"
    broken = recording("x", "dog")
    broken.fail("unreadable")
    assert [c.reason for c in cut([broken], read(options))] == ["unreadable"]
    with pytest.raises(UserError, match="not joined"):
        cut(RECORDINGS, read(JOIN["test"]))


def test_real_speakers_are_joined_by_speaker_and_gender(real_audio):
    for name, least in (("speaker_id", 40), ("speaker_gender", 1)):
        table = pd.read_csv(real_audio / name / "metadata.csv")
        recordings = []
        for row in table.itertuples():
            clip = recording(str(row.file), str(row.label), row.duration_s)
            clip.parts = [Part(str(real_audio / name / str(row.file)), 0.0, row.duration_s)]
            clip.group = str(row.speaker)
            recordings.append(clip)
        options = {"kind": "join", "min_s": least, "max_s": 4 * least + 20, "by": "label+group"}
        clips = segment(recordings, {"test": {**options, "keep_whole": True}})
        speakers = dict(zip(table.file, table.speaker))
        assert all({speakers[s] for s in clip.source_id} == {clip.group} for clip in clips)
        assert {c.group for c in clips} == set(table.speaker)
        assert sorted(s for c in clips for s in c.source_id) == sorted(table.file)
        longest = max((c for c in clips if c.ok), key=lambda c: c.duration_s)
        assert len(assemble(longest, Form(16000), Reader())[0]) == pytest.approx(
            16000 * longest.duration_s, abs=len(longest.parts)
        )


def test_recordings_without_a_label_still_get_a_key_and_a_clip():
    bare = recording("talk one", "x", 12)
    bare.labels = []
    assert segment([bare], {"test": {"kind": "whole"}})[0].key == "test-0000000-talk_one"
    (joined,) = segment([bare], {"test": {"kind": "join", "min_s": 5, "max_s": 20}})
    assert joined.labels == [] and joined.ok
