"""Lists of any form: columns found or named, rows kept verbatim, one clear line for every mistake."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from made import completed, tone

from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.data.sources import list as source


@pytest.fixture
def root(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.wav").write_bytes(tone(1 + number, 300))
    return tmp_path


def collect(root, lists="list.csv", seed=0, **settings):
    complete = completed(kind="list", root=str(root), lists=lists, **settings)
    return list(source.collect(complete, root / "out", seed, 2))


def write(root, text, name="list.csv", encoding="utf-8"):
    (root / name).write_bytes(text.encode(encoding))


def test_the_lists_of_audiosep_and_ast_are_read_as_they_are(root):
    write(root, json.dumps({"data": [{"wav": "0.wav", "caption": "A dog, barking"}]}), "sep.json")
    write(
        root,
        json.dumps({"data": [{"wav": "1.wav", "labels": "/m/04rlf,/m/09x0r", "video_id": "x"}]}),
        "ast.json",
    )
    train, test = collect(root, {"train": ["sep.json"], "test": "ast.json"})
    assert (train.text, train.labels, train.split) == ("A dog, barking", [], "train")
    assert (test.labels, test.split, test.duration_s) == (["/m/04rlf", "/m/09x0r"], "test", 2.0)


@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.json", "list.jsonl", "list.parquet"])
def test_every_form_gives_the_same_rows(root, name):
    frame = pd.DataFrame(
        {
            "file": ["0.wav", "1.wav"],
            "label": ["a;b", "c"],
            "half": ["train", "validation"],
            "who": ["ann", "بوب"],
            "licence": ["CC0-1.0", ""],
            "options": ["a|b", "c|d"],
        }
    )
    if name.endswith("csv") or name.endswith("tsv"):
        frame.to_csv(root / name, index=False, sep="," if name.endswith("csv") else "\t")
    elif name.endswith("parquet"):
        frame.to_parquet(root / name)
    else:
        frame.to_json(root / name, orient="records", lines=name.endswith("l"), force_ascii=False)
    clips = collect(
        root,
        name,
        columns={"split": "half", "group": "who"},
        split_names={"validation": "test"},
        label_separator=";",
        licence="CC-BY-4.0",
    )
    assert [(c.labels, c.split, c.group, c.licence, c.options) for c in clips] == [
        (["a", "b"], "train", "ann", "CC0-1.0", ["a", "b"]),
        (["c"], "test", "بوب", "CC-BY-4.0", ["c", "d"]),
    ]


def test_cells_are_kept_verbatim_whatever_they_hold(root):
    cells = [
        '=cmd|"/C calc"!A0',
        "@SUM(1,2)",
        "ضوضاء",
        "雨声",
        "🐕 woof",
        'say "hi", she\nsaid',
        "-rf",
        "  spaced ",
    ]
    with (root / "list.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "text", "id", "split"])
        for number, cell in enumerate(cells):
            writer.writerow(["0.wav", cell, cell, f"n{number}", "test"])
    clips = collect(root, columns={"id": "id", "split": "split"})
    assert [c.labels for c in clips] == [[cell] for cell in cells]
    assert [c.text for c in clips] == cells


def test_hostile_names_are_listed_and_lead_nowhere(root):
    (root / "-rf.wav").write_bytes(tone())
    (root.parent / "secret.wav").write_bytes(tone())
    (root / "link.wav").symlink_to(root.parent / "secret.wav")
    names = [
        "-rf.wav",
        "../secret.wav",
        "link.wav",
        "a\nb.wav",
        "nul\0.wav",
        "\x1b[31mred.wav",
        "n" * 300 + ".wav",
        "a/../../x.wav",
    ]
    items = [{"file": name, "label": "x", "split": "test"} for name in names]
    write(root, json.dumps(items), "list.json")
    clips = collect(root, "list.json", columns={"split": "split"})
    unsafe = "unsafe name (control character or broken Unicode)"
    assert [c.reason for c in clips] == [
        "",
        "leads out of the folder",
        "leads out of the folder",
        unsafe,
        unsafe,
        unsafe,
        "unreadable (File name too long)",
        "leads out of the folder",
    ]
    assert not any(set("\n\0\x1b") & set(c.clip_id + c.parts[0].path + c.reason) for c in clips)


def test_cuts_are_stretches_of_a_file_and_stay_in_one_split(root):
    rows = ["file,label,start_s,end_s"]
    rows += [f"{n}.wav,x,{a},{a + 0.5}" for n in range(4) for a in (0, 0.5)]
    write(root, "\n".join([*rows, "3.wav,x,3.5,", "3.wav,x,3.9,4.02", "0.wav,x,0.5,9", "0.wav,x,2,1"]) + "\n")
    clips = collect(root)
    assert [(c.parts[0].start_s, c.parts[0].end_s, c.duration_s) for c in clips[:2]] == [
        (0, 0.5, 0.5),
        (0.5, 1, 0.5),
    ]
    assert (clips[8].parts[0].end_s, clips[9].parts[0].end_s) == (4.0, 4.0), "an end may be empty, or round"
    assert [c.reason for c in clips[10:]] == [
        "cut outside the file (0.5 to 9 s of 1.00)",
        "cut outside the file (2 to 1 s of 1.00)",
    ]
    sides = {}
    for clip in clips:
        sides.setdefault(clip.source_id[0], set()).add(clip.split)
    assert sorted(map(len, sides.values())) == [1, 1, 1, 1] and len(set().union(*sides.values())) == 2


def test_rows_of_one_source_stay_in_one_split_in_any_order(root):
    for n in range(16):
        (root / f"s{n}.wav").write_bytes(tone(0.2, 300 + 10 * n))
    rows = [f"s{n % 16}.wav,{'ab'[n % 2]},s{n // 2 % 8}{n % 2},{n}" for n in range(64)]
    header = "file,label,speaker,id"
    columns = {"source": "speaker", "id": "id"}
    write(root, "\n".join([header, *rows]) + "\n")
    before = {c.clip_id: c.split for c in collect(root, columns=columns)}
    write(root, "\n".join([header, *rows[::-1]]) + "\n")
    after = collect(root, columns=columns)
    assert {c.clip_id: c.split for c in after} == before
    assert {c.clip_id: c.split for c in collect(root, columns=columns, seed=1)} != before
    by_source = {(c.source_id[0], c.split) for c in after}
    assert len(by_source) == 16 and sum(split == "test" for _, split in by_source) == 8


def test_absolute_paths_only_where_config_allows_them(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "a.wav"
    other.write_bytes(tone())
    write(root, f"file,label,split\n{other},x,test\n")
    with pytest.raises(UserError, match="line 2: '/.*' is an absolute path; set data.source.absolute"):
        collect(root, columns={"split": "split"})
    (clip,) = collect(root, columns={"split": "split"}, absolute=True)
    assert clip.ok and clip.parts[0].path == str(other)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("file,label\n", {}, "list.csv has no rows"),
        ("", {}, "has no rows"),
        ("file,label\n0.wav,x\n0.wav,y\n", {"test_share": 0.5}, "too few to share"),
        ("file,label,split\n0.wav,x,test\n1.wav,y,test\n0.wav,z,test\n", {"columns": {"split": "split"}}, "line 4: the id '0.wav' stands in list.csv, line 2 too"),
        ("file,lable\n0.wav,x\n", {}, "neither labels nor texts.*did you mean 'lable'"),
        ("fiel,label\n0.wav,x\n", {}, "say which holds the file .did you mean 'fiel'"),
        ("file,label\n0.wav,x\n", {"columns": {"label": "labels"}}, "columns.label: .* has no column 'labels'; did you mean 'label'"),
        ("file,label\n0.wav,x,y\n", {}, "line 2: 3 cells under 2 columns"),
        ('file,label\n0.wav,"x\n', {}, "line 2 is not readable as a table"),
        ("file,label,file\n0.wav,x,y\n", {}, "two columns 'file'"),
        ("file,label,split\nhttps://youtu.be/x,x,test\n", {"columns": {"split": "split"}}, "line 2: 'https://youtu.be/x' is an address; use kind youtube"),
        ("file,label,start_s,split\n0.wav,x,soon,test\n", {"columns": {"split": "split"}}, "line 2: 'start_s' is no number of seconds"),
        ("file,label,split\n0.wav,x,\n", {"columns": {"split": "split"}}, "line 2: the split is empty"),
        ("file,label\n0.wav,x\n", {"encoding": "utf-88"}, "there is no encoding"),
        ("file,label\n0.wav,x\n", {"lists": "lisst.csv"}, "did you mean 'list.csv'"),
        ("file,label\n0.wav,x\n", {"lists": "0.wav"}, "a list ends in"),
        ("file,label\n0.wav,x\n", {"root": "/nowhere"}, "there is no folder /nowhere"),
    ],
)  # fmt: skip
def test_mistakes_name_the_list_and_the_row(root, text, settings, message):
    write(root, text)
    complete = completed(**{"kind": "list", "root": str(root), "lists": "list.csv"} | settings)
    with pytest.raises(UserError, match=message) as caught:
        list(source.collect(complete, root / "out", 0, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"# comment\n{}", "line 1 is not JSON"),
        ("x.json", b'{"rows": []}', "no array of items"),
        ("x.json", b"[1]", "item 0 is no object"),
        ("x.json", b"[" * 100_000, "nested too deeply"),
        ("x.json", b'[{"file": "\\ud800", "label": "x"}]', "item 0 holds broken Unicode"),
        ("x.json", b'[{"file": "0.wav", "label": "x", "split": "test"}, {"label": "x"}]', "item 1: there is no 'file'"),
        ("x.json", b'[{"file": ["0.wav"], "label": "x", "split": "test"}]', "item 0: 'file' is not a text"),
        ("x.jsonl", b'{"file": "0.wav", "label": "x", "split": "test"}\n{"file"\n', "line 2 is not JSON"),
        ("x.parquet", b"PAR1 no", "not readable as Parquet"),
        ("x.csv", "file,label\n0.wav,x\n1.wav,ä\n".encode("latin-1"), r"is not utf-8 \(line 3\); convert it, or set data.source.encoding"),
    ],
)  # fmt: skip
def test_unreadable_lists_are_said_in_a_line(root, name, content, message):
    (root / name).write_bytes(content)
    columns = {"split": "split"} if b"split" in content else {}
    with pytest.raises(UserError, match=message):
        collect(root, name, columns=columns)


def test_a_parquet_list_with_damaged_letters_is_no_question_of_encoding(root):
    table = pa.table({"file": ["0.wav"], "label": ["barking"], "split": ["test"]})
    pq.write_table(table, root / "x.parquet", compression="none", use_dictionary=False)
    data = (root / "x.parquet").read_bytes()
    (root / "x.parquet").write_bytes(data.replace(b"barking", b"bark\xffng"))
    with pytest.raises(UserError, match="x.parquet is not readable as Parquet"):
        collect(root, "x.parquet", columns={"split": "split"})


def test_other_encodings_and_byte_order_marks_are_read(root):
    write(root, "file,label,split\n0.wav,ä,test\n", encoding="latin-1")
    assert collect(root, encoding="latin-1", columns={"split": "split"})[0].labels == ["ä"]
    write(root, "file,label,split\r\n0.wav,ä,test\r\n", encoding="utf-8-sig")
    assert collect(root, columns={"split": "split"})[0].labels == ["ä"]


@pytest.mark.parametrize("name", ["spoken_digits", "speaker_gender"])
def test_real_recordings_with_labels_speakers_and_transcripts(real_audio, tmp_path, name):
    table = pd.read_csv(real_audio / name / "metadata.csv", keep_default_na=False)
    # Four speakers say every digit: by speaker, no class of them could be shared out.
    original = {} if name == "spoken_digits" else {"source": "speaker"}
    settings = completed(
        kind="list",
        root=str(real_audio / name),
        lists="metadata.csv",
        columns={**original, "group": "speaker"},
        test_share=0.5,
    )
    clips = list(source.collect(settings, tmp_path, 0, 2))
    assert all(clip.ok for clip in clips)
    assert [(c.clip_id, c.labels, c.text, c.group, c.licence, c.sample_rate) for c in clips] == [
        (r.file, [str(r.label)], r.transcript, r.speaker, r.licence, r.sample_rate)
        for r in table.itertuples()
    ]
    assert max(abs(c.duration_s - r.duration_s) for c, r in zip(clips, table.itertuples())) < 1e-3
    assert 0.4 < sum(c.split == "test" for c in clips) / len(clips) < 0.6


def test_files_may_be_named_from_a_folder_as_esc_50_does(root):
    (root / "meta").mkdir()
    (root / "audio").mkdir()
    for name in ("1-100-A-0.wav", "5-100-B-3.wav"):
        (root / "audio" / name).write_bytes(tone())
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    rows += [
        "1-100-A-0.wav,1,0,dog,True,100,A",
        "5-100-B-3.wav,5,3,cow,False,100,B",
        "../0.wav,5,3,cow,False,1,B",
    ]
    write(root, "\n".join(rows), "meta/esc50.csv")
    task = yaml.safe_load((ROOT / "config" / "tasks" / "esc50.yaml").read_text())
    named = {
        key: value
        for key, value in task["data"]["source"].items()
        if key in ("lists", "folder", "columns", "licence")
    }
    dog, cow, outside = collect(root, **named)
    assert [clip.split for clip in (dog, cow)] == ["test", "test"]
    assert [(clip.labels, clip.group, clip.source_id) for clip in (dog, cow)] == [
        (["dog"], "1", ["100"]),
        (["cow"], "5", ["100"]),
    ]
    assert outside.reason == "leads out of the folder"
