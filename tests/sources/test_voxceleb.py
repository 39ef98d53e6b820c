"""VoxCeleb: a gender comes from a table or there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpora import joined, settings, tone, write

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.data.sources import voxceleb

VOX1 = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
VOX2 = "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \n"


@pytest.fixture
def root(tmp_path):
    for i, speaker in enumerate(("id10001", "id10002", "id00012", "id00099", "id10777")):
        for video in ("aaaaaaaaaaa", "bbbbbbbbbbb"):
            for take in range(4):
                write(tmp_path / f"wav/{speaker}/{video}/{take:05d}.wav", tone(200 + 50 * i, 0.5, 8000), 8000)
    write(tmp_path / "wav/id10001/00009.wav", tone(200, 0.5, 8000), 8000)
    (tmp_path / "vox1_meta.csv").write_text(
        VOX1 + "id10001\tA_B\tm\tIreland\tdev\nid10002\tC_D\tf\tUSA\tdev\nid10777\tE_F\tf\tUSA\tdev\n"
    )
    (tmp_path / "vox2_meta.csv").write_text(VOX2 + "id00012 ,n000012 ,f ,dev \nid10777 ,n1 ,m ,dev \n")
    return tmp_path


def collect(folder, **changes):
    return list(voxceleb.collect(settings("voxceleb", folder, **changes), folder / "out", 0, 1))


def test_genders_come_from_the_gender_column_of_the_tables(root):
    clips = collect(root)
    label = {c.group: c.labels[0] for c in clips if c.ok}
    assert label == {"id10001": "male", "id10002": "female", "id00012": "female"}
    reasons = {c.group: c.reason for c in clips if not c.ok}
    assert reasons == {
        "id00099": "no label (no gender of id00099)",
        "id10777": "label conflict (vox1_meta.csv: female, vox2_meta.csv: male)",
    }


def test_labels_do_not_depend_on_how_python_hashes_this_time(root):
    code = (
        "from earmark.data.sources import voxceleb; from earmark.config.source import read; import sys;"
        "s = read({'kind': 'voxceleb', 'root': sys.argv[1]}, 's');"
        "print([(c.clip_id, c.labels, c.split) for c in voxceleb.collect(s, None, 0, 1)])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(root)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(SCRIPTS)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_long_audio_is_of_one_speaker(root):
    long = joined(collect(root), min_s=1.4, max_s=2.5, by="label+group")
    for clip in (c for c in long if c.ok):
        assert len({Path(part.path).parts[len(root.parts) + 1] for part in clip.parts}) == 1
        assert clip.group in clip.parts[0].path and 1.4 <= clip.duration_s <= 2.5


def test_takes_of_one_video_are_one_source_and_speakers_are_on_one_side(root):
    clips = collect(root, test_share=0.5)
    assert {c.source_id[0] for c in clips if "id00012" in c.clip_id} == {
        "id00012/aaaaaaaaaaa",
        "id00012/bbbbbbbbbbb",
    }
    assert len({(c.group, c.split) for c in clips}) == 5
    assert clips == sorted(clips, key=lambda c: c.clip_id.removeprefix("wav/").split("/"))


def test_a_table_without_a_gender_column_is_refused(root):
    (root / "vox1_meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\tNationality\nid10001\tA_B\tIreland\n")
    with pytest.raises(UserError, match="no column 'Gender'"):
        collect(root)
    with pytest.raises(UserError, match="no file"):
        collect(root, tables=["vox3.csv"])


def test_ages_become_five_groups_by_video_or_by_speaker(root):
    (root / "ages.csv").write_text(
        "VoxCeleb_ID,video_id,speaker_age\n"
        "id10001,aaaaaaaaaaa,30.9\nid10001,bbbbbbbbbbb,31\nid10002,aaaaaaaaaaa,71\nid00012,aaaaaaaaaaa,9\n"
        "id00099,aaaaaaaaaaa,40\nid00099,aaaaaaaaaaa,41\n"
    )
    found = {
        c.source_id[0]: (c.labels[0], c.reason) for c in collect(root, label="age", age_table="ages.csv")
    }
    assert found["id10001/aaaaaaaaaaa"] == ("Young Adult (18-30)", "")
    assert found["id10001/bbbbbbbbbbb"] == ("Early Career (31-40)", "")
    assert found["id10002/aaaaaaaaaaa"] == ("Elderly (71+)", "")
    assert found["id10002/bbbbbbbbbbb"][1] == "no label (no age of id10002)"
    assert found["id00012/aaaaaaaaaaa"][1] == "no label (no age of id00012)"
    assert found["id00099/aaaaaaaaaaa"][1].startswith("label conflict (")
    with pytest.raises(UserError, match="age_table"):
        collect(root, label="age")


def test_a_link_out_of_the_folder_is_not_followed(root):
    write(root.parent / "elsewhere/secret.wav", tone(500, 1))
    (root / "wav/id10001/link.wav").symlink_to(root.parent / "elsewhere/secret.wav")
    failed = [c for c in collect(root) if c.group == "id10001" and not c.ok]
    assert [c.reason for c in failed] == ["leads out of the folder"]
