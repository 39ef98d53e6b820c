"""One recording is one recording, however it is named: never training and test data at once."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.sources import folder, identity
from earmark.data.sources import list as lists
from earmark.data.sources.dealing import Deal

COUNT = 10


def _recordings(root: Path) -> list[str]:
    """Ten files of different content."""
    for number in range(COUNT):
        (root / f"{number}.wav").write_bytes(tone(0.2, 200 + 40 * number))
    return [f"{number}.wav" for number in range(COUNT)]


def _twins(root: Path, how: str) -> list[str]:
    """The same recordings under other names."""
    made = []
    for number in range(COUNT):
        path, twin = root / f"{number}.wav", root / f"twin{number}.wav"
        if how == "link":
            twin.symlink_to(path)
        elif how == "hard link":
            os.link(path, twin)
        elif how == "copy":
            shutil.copy(path, twin)
        elif how == "case":
            path.rename(root / f"x{number}.wav")
            (root / f"X{number}.wav").write_bytes(tone(0.3, 90 + number))
            made += [f"x{number}.wav", f"X{number}.wav"]
            continue
        made.append(twin.name)
    return made


def _collected(root: Path, names: list[str], **more) -> list[Clip]:
    """What the source makes of a list of names, dealt by it."""
    (root / "list.csv").write_text("file,label\n" + "".join(f"{name},a\n" for name in names))
    settings = completed(kind="list", root=str(root), lists="list.csv", test_share=0.5, **more)
    return list(identity.apart(lists.collect(settings, root, 0, 2), []))


@pytest.mark.parametrize("how", ["link", "hard link", "copy", "case"])
def test_twins_are_dealt_to_one_side(tmp_path, how):
    names = _recordings(tmp_path)
    twins = _twins(tmp_path, how)
    clips = _collected(tmp_path, twins if how == "case" else names + twins)
    assert len(clips) == 2 * COUNT and all(clip.ok for clip in clips)
    sides = defaultdict(set)
    for clip in clips:
        sides[clip.source_id[0]].add(clip.split)
    assert len(sides) == COUNT and all(len(side) == 1 for side in sides.values())
    assert {clip.split for clip in clips} == {"train", "test"}


def test_one_file_under_two_spellings_is_listed_twice(tmp_path):
    names = _recordings(tmp_path)
    with pytest.raises(UserError, match=r"the id '0.wav' stands in list.csv, line 2 too"):
        _collected(tmp_path, names + [f"./{name}" for name in names])
    # Cuts of one file are listed by themselves; they are of one recording all the same.
    rows = [
        f"{spelt}{n}.wav,a,{at},{at + 0.1}\n" for n in range(COUNT) for spelt, at in (("", 0), (".//", 0.1))
    ]
    (tmp_path / "list.csv").write_text("file,label,start_s,end_s\n" + "".join(rows))
    settings = completed(kind="list", root=str(tmp_path), lists="list.csv", test_share=0.5)
    clips = list(identity.apart(lists.collect(settings, tmp_path, 0, 2), []))
    assert len({(clip.source_id[0], clip.split) for clip in clips}) == COUNT


def test_files_without_twins_are_dealt_as_ever(tmp_path):
    clips = _collected(tmp_path, _recordings(tmp_path))
    assert [clip.source_id for clip in clips] == [[f"{n}.wav"] for n in range(COUNT)]
    deal = Deal(((f"{n}.wav", "a") for n in range(COUNT)), 0.5, 0)
    assert [clip.split for clip in clips] == [deal.split(f"{n}.wav") for n in range(COUNT)]


@pytest.mark.parametrize(("how", "finding"), [("link", "overlap_source"), ("copy", "overlap_audio")])
def test_an_overlap_between_given_splits_stops_unless_it_is_allowed_by_name(tmp_path, how, finding):
    names = _recordings(tmp_path)
    rows = [f"{name},a,train\n" for name in names] + [f"{name},a,test\n" for name in _twins(tmp_path, how)]
    (tmp_path / "list.csv").write_text("file,label,split\n" + "".join(rows))
    settings = completed(kind="list", root=str(tmp_path), lists="list.csv", columns={"split": "split"})

    def collected(*allowed: str) -> list[Clip]:
        return list(identity.apart(lists.collect(settings, tmp_path, 0, 2), allowed))

    with pytest.raises(UserError, match=rf"'0.wav' \(train\) and 'twin0.wav' \(test\).*\[{finding}\]"):
        collected()
    assert len(collected("overlap_source", "overlap_audio")) == 2 * COUNT


def test_halves_of_a_folder_that_share_a_recording_are_refused(tmp_path):
    for half in ("train", "test"):
        (tmp_path / half / "a").mkdir(parents=True)
        (tmp_path / half / "a" / f"{half}.wav").write_bytes(tone(0.2, 300))
    settings = completed(kind="folder", root=str(tmp_path), table=None)
    with pytest.raises(UserError, match="of equal content"):
        list(identity.apart(folder.collect(settings, tmp_path, 0, 1), []))
