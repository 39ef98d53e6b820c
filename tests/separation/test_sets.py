"""AudioSep's benchmarks: every file is looked for before anything runs, and each has its own aggregation."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile

from earmark.core.errors import AudioError, UserError
from earmark.systems.separation.sets import audiosep, tables

NUMBERED = {"idx": "0", "caption": "a dog barks", "labels": "Dog", "src_wav": "x.wav", "noise_wav": "y.wav"}
VGG = {
    "file_id": "f",
    "mix_wav": "m.wav",
    "s0_wav": "s.wav",
    "s0_text": "dog",
    "s1_wav": "t.wav",
    "s1_text": "cat",
}


def table(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def wave(path, samples=3200, rate=32_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(samples).standard_normal(samples), rate)


@pytest.mark.parametrize("layout", ["audiocaps", "clotho", "esc50", "music"])
def test_numbered_sets_pair_a_mixture_with_its_segment(tmp_path, layout) -> None:
    wave(tmp_path / "mixture-0.wav")
    wave(tmp_path / "segment-0.wav")

    found = audiosep.read(layout, tmp_path, table(tmp_path / "t.csv", [NUMBERED]))

    [sample] = found.samples
    assert (sample.query, sample.source) == ("a dog barks", "x.wav")
    mixture, reference = sample.load()
    assert len(mixture) == len(reference) == 3200
    assert found.aggregation == ("mean over classes" if layout == "music" else "mean")


def test_audiocaps_can_ask_by_labels(tmp_path) -> None:
    assert tables.queries("audiocaps", table(tmp_path / "t.csv", [NUMBERED]), "labels") == ["Dog"]


def test_a_recording_is_one_source_whatever_it_is_mixed_with(tmp_path) -> None:
    def sources(layout: str, *rows: dict) -> list[str]:
        pairs = tables.pairs(layout, tmp_path, table(tmp_path / "t.csv", list(rows)), "caption")
        return [pair.source for pair in pairs]

    vgg = [VGG | {"file_id": f"one_000030+++{other}", "s0_wav": f"s0/{other}.wav"} for other in "ab"]
    assert sources("vggsound", *vgg) == ["one_000030"] * 2
    music = [NUMBERED | {"idx": str(n), "src_wav": f"Yabc_{n}.wav"} for n in range(2)]
    assert sources("music", *music) == ["Yabc"] * 2


def test_captions_are_no_classes(tmp_path) -> None:
    found = table(tmp_path / "t.csv", [NUMBERED])
    labels = {name: tables.pairs(name, tmp_path, found, "caption")[0].label for name in ("clotho", "esc50")}
    assert labels == {"clotho": None, "esc50": "a dog barks"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([NUMBERED, NUMBERED], "has 2 rows of '0'"),
        ([NUMBERED | {"idx": "../../0"}], "mixture-../../0.wav is not below the folder"),
        ([NUMBERED | {"idx": "1/../../../0"}], "is not below the folder"),
    ],
)
def test_a_row_that_stands_twice_or_leads_elsewhere_is_refused(tmp_path, rows, said) -> None:
    with pytest.raises(UserError, match=said) as error:
        tables.checked("esc50", tmp_path / "audio", table(tmp_path / "t.csv", rows))
    assert "\n" not in str(error.value)


def test_a_row_that_ends_early_is_refused(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("idx,caption,src_wav\n0,dog\n")
    with pytest.raises(UserError, match="row 2 lacks 'src_wav'"):
        tables.queries("esc50", tmp_path / "t.csv")


def test_vggsound_s_table_names_the_files_with_or_without_numbers(tmp_path) -> None:
    wave(tmp_path / "m.wav")
    wave(tmp_path / "s.wav")
    for rows in ([VGG], [{"idx": "7", **VGG}]):
        [sample] = audiosep.read("vggsound", tmp_path, table(tmp_path / "t.csv", rows)).samples
        assert sample.query == "dog"


def test_audioset_takes_ten_samples_of_each_class_and_medians(tmp_path) -> None:
    for number in (0, 10):
        for sample in range(tables.PER_CLASS):
            stem = tmp_path / f"class_id={number}" / f"class_id={number},index={sample:03d}"
            wave(stem.with_name(f"{stem.name},mixture.wav"))
            wave(stem.with_name(f"{stem.name},source.wav"))
    rows = [{"idx": n, "caption": f"class {n}", "src_wav": "", "noise_wav": ""} for n in ("10", "0", "10")]

    found = audiosep.read("audioset", tmp_path, table(tmp_path / "t.csv", rows))

    assert len(found.samples) == 20
    assert found.samples[0].label == "class 0"
    assert found.aggregation == "median per class, mean over classes"


def test_missing_and_mismatched_files_are_listed_first(tmp_path) -> None:
    rows = [NUMBERED | {"idx": str(n)} for n in range(4)]
    for number, samples in ((0, 3200), (1, 3201)):
        wave(tmp_path / f"mixture-{number}.wav")
        wave(tmp_path / f"segment-{number}.wav", samples)
    with pytest.raises(UserError) as error:
        audiosep.read("esc50", tmp_path, table(tmp_path / "t.csv", rows))
    said = str(error.value)
    assert "5 problems in 4 samples" in said
    assert "mixture-1.wav has 3200 frames at 32000 Hz and segment-1.wav 3201" in said
    assert "mixture-2.wav is missing" in said and "\n" not in said


def test_a_table_of_another_set_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="has no column 'file_id': not the table of vggsound"):
        tables.queries("vggsound", table(tmp_path / "t.csv", [NUMBERED]))
    with pytest.raises(UserError, match="can't be read"):
        tables.queries("vggsound", tmp_path / "none.csv")


def test_a_file_that_breaks_later_fails_alone(tmp_path) -> None:
    wave(tmp_path / "mixture-0.wav")
    wave(tmp_path / "segment-0.wav")
    [sample] = audiosep.read("esc50", tmp_path, table(tmp_path / "t.csv", [NUMBERED])).samples
    (tmp_path / "segment-0.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError):
        sample.load()
