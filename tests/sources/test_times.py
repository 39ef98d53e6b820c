"""Times of a list are understood by their names, mapped by config, or stop the job: never the whole file."""

from __future__ import annotations

import json

import pytest
from made import completed, tone

from earmark.core.errors import UserError
from earmark.data.sources import folder, times
from earmark.data.sources import list as lists


def _clips(tmp_path, row: dict, **more):
    (tmp_path / "0.wav").write_bytes(tone(4))
    (tmp_path / "list.json").write_text(json.dumps([{"file": "0.wav", "label": "x"} | row]))
    source = completed(kind="list", root=str(tmp_path), lists={"test": "list.json"}, **more)
    return [(clip.parts[0].start_s, clip.parts[0].end_s) for clip in lists.collect(source, tmp_path, 0, 1)]


@pytest.mark.parametrize(
    "row",
    [
        {"start": 1, "end": 3},
        {"start_s": 1, "end_s": 3},
        {"onset": "1.0", "offset": "3.0"},
        {"Start_Time": 1, "End_Time": 3},
        {"startTime": 1, "endTime": 3},
        {"start_ms": 1000, "end_ms": 3000},
        {"onset_milliseconds": 1000, "offset_milliseconds": 3000},
        {"begin": 1, "stop": 3},
        {"start": 1, "duration": 2},
        {"offset": 1, "duration": 2},
    ],
)
def test_times_by_their_usual_names_are_a_cut(tmp_path, row, capsys):
    assert _clips(tmp_path, row) == [(1.0, 3.0)]
    assert set(row) <= {"start_s", "end_s"} or "taken for the stretch of a file" in capsys.readouterr().out


def test_config_maps_times_and_says_their_unit(tmp_path):
    row = {"a": 1000, "b": 3000}
    columns = {"columns": {"start_s": "a", "end_s": "b"}, "time_unit": "ms"}
    assert _clips(tmp_path, row, **columns) == [(1.0, 3.0)]
    whole = {"columns": {"start_s": None, "end_s": None}}
    assert _clips(tmp_path, {"start": 1, "end": 3}, **whole) == [(0.0, 4.0)]


@pytest.mark.parametrize(
    "row",
    [
        {"start_frame": 1, "end_frame": 9},
        {"offset": 3},
        {"event_onset_samples": 5},
        {"from": 1, "to": 3},
        {"xmin": 1, "xmax": 3},
        {"t0_ms": 1000, "t1_ms": 3000},
    ],
)
def test_times_that_are_not_understood_stop_the_job(tmp_path, row):
    with pytest.raises(UserError, match="look like times and are not understood: .*data.source.columns"):
        _clips(tmp_path, row)


def test_the_length_of_a_file_is_no_cut(tmp_path):
    assert _clips(tmp_path, {"duration": 4.0, "gender": "f", "weekend": "no"}) == [(0.0, 4.0)]
    assert _clips(tmp_path, {"from": "ann", "time": "noon", "t1": 5}) == [(0.0, 4.0)]
    assert times.found(["file", "start", "end", "duration"], {}, "x") == {"start_s": "start", "end_s": "end"}


def test_files_of_other_suffixes_are_read_or_counted(tmp_path, capsys):
    names = ["a.wave", "b.WAV", "c.bwf", "d.raw", "e.raw", "f.txt", "g"]
    (tmp_path / "dog").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "dog" / name).write_bytes(tone(0.3, 200 + 30 * number))
    source = completed(kind="folder", root=str(tmp_path), table=None)
    found = [clip.clip_id for clip in folder.collect(source, tmp_path, 0, 1)]
    assert found == ["dog/a.wave", "dog/b.WAV", "dog/c.bwf"]
    assert (
        "passed over as no audio by their names: 2 of .raw, 1 of .txt, 1 of no suffix"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file;label\n0.wav;dog\n", "is parted by ';', not by ','"),
        (b"file\tlabel\n0.wav\tdog\n", "end its name in .tsv"),
        ("file,label\n0.wav,dog\n".encode("utf-16"), "is UTF-16; set data.source.encoding to utf-16"),
    ],
)
def test_lists_of_another_form_are_told_with_the_cure(tmp_path, content, message):
    (tmp_path / "list.csv").write_bytes(content)
    source = completed(kind="list", root=str(tmp_path), lists={"test": "list.csv"})
    with pytest.raises(UserError, match=message):
        list(lists.collect(source, tmp_path, 0, 1))
