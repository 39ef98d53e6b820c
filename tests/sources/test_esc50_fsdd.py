"""ESC-50, ESC-10 and the spoken digits: labels, folds and speakers as their authors give them."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from made import completed
from pydantic import ValidationError

from earmark.config.forming import read
from earmark.core.errors import UserError
from earmark.core.shares import shares
from earmark.data.segment import segment
from earmark.data.sources import esc50, fsdd


def recordings(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(8000) + 0.1, 8000)
    return str(root)


def collect(module, **settings):
    kind = module.__name__.rpartition(".")[2]
    return list(module.collect(completed(kind=kind, **settings), None, 0, 1))


def test_the_table_of_esc50_gives_label_fold_and_original(tmp_path):
    recordings(tmp_path, ["audio/1-10-A-0.wav", "audio/2-20-B-42.wav"])
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10,src_file,take\n"
        "1-10-A-0.wav,1,0,dog,True,10,A\n2-20-B-42.wav,2,42,siren,False,20,B\n"
    )
    folds = {"train": ["1"], "test": ["2"]}
    found = collect(esc50, root=str(tmp_path), esc10=False, folds=folds)
    assert [(c.split, c.labels, c.group, c.source_id) for c in found] == [
        ("train", ["dog"], "1", ["10"]), ("test", ["siren"], "2", ["20"]),
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"no recording of fold 2 \(there: 1\)"):
        collect(esc50, root=str(tmp_path), esc10=True, folds=folds)


@pytest.mark.parametrize("names", [("001 - Dog bark/1-10-A.wav", "002 - Rain/2-20-A.wav"),
                                   ("audio/dog_bark_1-10-A.wav", "audio/rain_2-20-A.wav")])  # fmt: skip
def test_without_a_table_names_and_folders_of_esc10_say_the_same(tmp_path, names):
    found = collect(
        esc50, root=recordings(tmp_path, names), esc10=True, folds={"train": ["1"], "test": ["2"]}
    )
    assert {(c.split, c.labels[0], c.group) for c in found} == {("train", "dog", "1"), ("test", "rain", "2")}


def test_digits_have_a_word_and_a_speaker_and_no_speaker_is_in_two_splits(tmp_path):
    root = recordings(tmp_path, [f"recordings/{d}_{s}_0.wav" for d in (0, 7) for s in ("ann", "bob", "cyd")])
    found = collect(fsdd, root=root, speakers={"train": ["ann"], "test": ["bob"]})
    assert [(c.split, c.text, c.group) for c in found] == [
        ("train", "zero", "ann"), ("test", "zero", "bob"), ("train", "seven", "ann"), ("test", "seven", "bob"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="'ann' is in train and in test"):
        collect(fsdd, root=root, speakers={"train": ["ann"], "test": ["ann"]})
    with pytest.raises(UserError, match="has no 'bobb'; did you mean 'bob'"):
        collect(fsdd, root=root, speakers={"test": ["bobb"]})


def test_sequences_read_out_in_order_and_deal_every_recording_once_a_pass(tmp_path):
    names = [f"{d}_{s}_{t}.wav" for d in range(10) for s in ("ann", "bob") for t in range(3)]
    found = collect(fsdd, root=recordings(tmp_path, names), speakers={"test": ["ann", "bob"]})
    options = {"test": read({"kind": "sequence", "by": "group", "min": 5, "max": 10, "passes": 2})}
    clips = list(segment(lambda split: (c for c in found), options, 0))
    words = {c.parts[0].path: c.text for c in found}
    for clip in clips:
        assert 5 <= len(clip.parts) <= 10 and clip.group in ("ann", "bob")
        assert clip.text == " ".join(words[part.path] for part in clip.parts)
    uses = [part.path for clip in clips for part in clip.parts]
    assert max(map(uses.count, set(uses))) == 2
    again = segment(lambda split: iter(found[::-1]), options, 0)
    assert [c.text for c in again] == [c.text for c in clips]


def test_clips_of_a_class_stay_within_its_shares_and_those_are_the_ones_held_out(tmp_path):
    names = [f"audio/{c}_1-{n}-A.wav" for c in ("dog", "rain") for n in range(10, 17 if c == "dog" else 18)]
    root = recordings(tmp_path, [*names, "audio/rain_1-17-B.wav"])
    found = collect(esc50, root=root, esc10=True, folds={"train": ["1"]})
    options = {
        "train": read({"kind": "sequence", "by": "label", "min": 3, "max": 5, "passes": 4, "folds": 2})
    }
    clips = list(segment(lambda split: iter(found), options, 0))
    share = shares(found, 2)
    assert {len({share[name] for name in clip.source_id}) for clip in clips} == {1}
    assert {(c.labels[0], share[c.source_id[0]]) for c in clips} == {
        (c, s) for c in ("dog", "rain") for s in (0, 1)
    }
    assert len({clip.clip_id for clip in clips}) == len(clips)


def test_shares_go_by_class_alone():
    with pytest.raises(
        ValidationError, match="folds are shares of a class; they go with by: label, not with by: group"
    ):
        read({"kind": "sequence", "by": "group", "min": 2, "max": 3, "folds": 2})


def test_real_recordings_of_this_repository_are_read(real_audio):
    sounds = collect(esc50, root=str(real_audio / "esc10"), esc10=True, folds={"train": ["1"], "test": ["2"]})
    assert len(sounds) == 158 and len({c.labels[0] for c in sounds}) == 10
    digits = collect(fsdd, root=str(real_audio / "spoken_digits"), speakers={"test": ["theo"]})
    assert len(digits) == 150 and len({c.text for c in digits}) == 10
