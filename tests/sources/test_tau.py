"""TAU: scenes by their full names, places kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpora import joined, settings, tone, write

from earmark.core.errors import UserError
from earmark.data.sources import tau

SCENES = ("metro", "metro_station", "street_traffic", "park")


@pytest.fixture
def root(tmp_path):
    lines = ["filename\tscene_label\tidentifier\tsource_label"]
    for scene in SCENES:
        for place in ("barcelona-0", "vienna-12"):
            for take in range(5):
                for device in ("a", "s1") if take == 0 else ("a",):
                    name = f"audio/{scene}-{place}-{take}-{device}.wav"
                    write(tmp_path / name, tone(300 + 20 * take, 1.0, 8000), 8000)
                    lines.append(f"{name}\t{scene}\t{place}\t{device}")
    # A listing in the order of the file system, as far from sorted as can be.
    (tmp_path / "meta.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    return tmp_path


def collect(folder, **changes):
    return list(tau.collect(settings("tau", folder, **changes), folder / "out", 0, 1))


def test_metro_station_is_not_metro(root):
    clips = collect(root)
    assert {c.labels[0] for c in clips} == set(SCENES)
    assert all(Path(c.clip_id).name.startswith(f"{c.labels[0]}-") for c in clips)
    long = joined(clips, min_s=2, max_s=4, by="label+group")
    for clip in long:
        assert all(Path(part.path).name.startswith(f"{clip.labels[0]}-") for part in clip.parts)


def test_long_audio_is_of_one_place_and_whole_recordings_in_any_order_of_the_table(root):
    long = joined(collect(root), min_s=2, max_s=4, by="label+group", order="name")
    for clip in (c for c in long if c.ok):
        scene, place = clip.group.split(" ")
        assert all(f"{scene}-{place}-" in part.path for part in clip.parts)
        assert all((part.start_s, part.end_s) == (0.0, 1.0) for part in clip.parts)
        assert [part.path for part in clip.parts] == sorted(part.path for part in clip.parts)
    lines = (root / "meta.csv").read_text().splitlines()
    (root / "meta.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    again = joined(collect(root), min_s=2, max_s=4, by="label+group", order="name")
    assert [(c.clip_id, c.parts) for c in again] == [(c.clip_id, c.parts) for c in long]


def test_a_place_is_on_one_side_and_devices_share_their_moment(root):
    clips = collect(root, test_share=0.5)
    sides: dict[str, set[str]] = {}
    for clip in clips:
        sides.setdefault(clip.group, set()).add(clip.split)
    assert all(len(side) == 1 for side in sides.values())
    assert set.union(*sides.values()) == {"train", "test"}
    moments = [c.source_id[0] for c in clips if "barcelona-0-0-" in c.clip_id]
    assert len(moments) == 2 * len(set(moments)) == 8


def test_only_the_devices_asked_for_are_taken(root):
    assert all("-a.wav" in c.clip_id for c in collect(root, devices=["a"]))
    with pytest.raises(UserError, match="no device 's9'"):
        collect(root, devices=["a", "s9"])


def test_rows_that_cannot_be_used_fail_and_stay(root):
    write(root.parent / "secret.wav", tone(500, 1))
    (root / "meta.csv").write_text(
        "filename\tscene_label\tidentifier\tsource_label\n"
        "../secret.wav\tpark\tx-1\ta\naudio/none.wav\tpark\tx-1\ta\naudio/x.wav\t\tx-1\ta\naudio/short.wav\n"
    )
    assert [c.reason.partition(" (")[0] for c in collect(root)] == [
        "leads out of the folder",
        "missing",
        "no label",
        "no label",
    ]


def test_a_table_without_its_columns_is_said(root):
    (root / "meta.csv").write_text("filename,scene_label,identifier,source_label\n")
    with pytest.raises(UserError, match="no column 'filename'"):
        collect(root)
