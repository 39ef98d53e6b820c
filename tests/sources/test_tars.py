"""Tars of samples: every sample once, nothing outside the folder, a broken archive said by name."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
import webdataset
import zstandard
from made import completed, tone

from earmark.core.errors import UserError
from earmark.data.sources import tars


def write(path: Path, members, mode: str = "w") -> None:
    """Write a tar of (name or TarInfo, content) pairs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def sample(key, suffix="wav", seconds=0.5, **fields):
    audio = tone(seconds, suffix=suffix.upper())
    return [(f"{key}.{suffix}", audio), (f"{key}.json", json.dumps(fields).encode())]


def collect(root, test="*.tar*", **settings):
    complete = completed(kind="tars", root=str(root), splits={"test": test}, **settings)
    return list(tars.collect(complete, root / "out", 0, 2))


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_shards_of_both_splits_are_read_by_brace_patterns(tmp_path):
    for number in range(4):
        members = sample(f"k{number}", "flac", 0.5 + number, genre="jazz", trans="hello")
        write(tmp_path / f"G/train/fold_{number}.tar.gz", members, "w:gz")
    splits = {"train": "G/train/fold_{0..2}.tar.gz", "test": ["G/train/fold_3.*"]}
    settings = completed(kind="tars", root=str(tmp_path), splits=splits, key="genre", text_key="text;trans")
    clips = list(tars.collect(settings, tmp_path / "out", 0, 1))
    assert [(c.split, c.duration_s, c.labels, c.text) for c in clips] == [
        (split, 0.5 + n, ["jazz"], "hello") for split, n in zip(["train"] * 3 + ["test"], range(4))
    ]
    assert clips[3].clip_id == "test/G/train/fold_3.tar.gz/k3"


def test_what_webdataset_writes_is_what_it_reads(tmp_path):
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        for number in range(5):
            writer.write(
                {"__key__": f"x/{number:03d}", "wav": tone(1, 300 + number), "json": {"label": number}}
            )
    clips = collect(tmp_path)
    assert [c.labels for c in clips] == [[str(n)] for n in range(5)]
    reference = list(webdataset.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False))
    assert [Path(c.parts[0].path).read_bytes() for c in clips] == [s["wav"] for s in reference]


@pytest.mark.parametrize(
    ("fields", "key", "labels"),
    [
        ({"label": "a"}, "label", ["a"]),
        ({"label": "", "labels": ["a", "b"]}, "label;labels", ["a", "b"]),
        ({"num_speakers": 0}, "num_speakers", ["0"]),
        ({"label": {"x": 1}, "captions": ["p", "q"]}, "label", ["p", "q"]),
        ({"caption": "c", "text": "t"}, "label", ["c"]),
        ({"label": "雨;=cmd()"}, "label", ["雨;=cmd()"]),
        ({"label": None}, "label", []),
    ],
)  # fmt: skip
def test_labels_follow_the_rule_of_the_published_shards(tmp_path, fields, key, labels):
    write(tmp_path / "a.tar", sample("k", **fields))
    (clip,) = collect(tmp_path, key=key)
    assert (clip.labels, clip.ok) == (labels, bool(labels))
    assert clip.ok or clip.reason == "no label (none of label, captions, caption, text)"


def test_several_labels_in_one_text_are_parted_on_request(tmp_path):
    write(tmp_path / "a.tar", sample("k", label="Bark;Dog"))
    assert collect(tmp_path, label_separator=";")[0].labels == ["Bark", "Dog"]


def test_hostile_members_are_listed_and_nothing_leaves_the_folder(tmp_path):
    def member(name, kind=tarfile.REGTYPE, target=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        return info

    bad = [
        (member("../escaped.wav"), tone()),
        (member("/tmp/earmark-absolute.wav"), tone()),
        (member("link.wav", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (member("hard.wav", tarfile.LNKTYPE, "good.wav"), b""),
        (member("device.wav", tarfile.CHRTYPE), b""),
        (member("pipe.wav", tarfile.FIFOTYPE), b""),
        (member("a\nb.wav"), tone()),
        (member("\udcff.wav"), tone()),
        (member("-rf.wav"), tone()),
        (member("big.wav"), tone(8)),
        (member("x/passwd", tarfile.SYMTYPE, "../../../etc/passwd"), b""),
        (member("x"), b"a file where a folder was"),
        *[("two.wav", tone()), ("two.flac", tone(suffix="FLAC"))],
        *[("deep.wav", tone()), ("deep.json", b"[" * 100_000)],
        *[("list.wav", tone()), ("list.json", b"[1]")],
        *[("surrogate.wav", tone()), ("surrogate.json", b'{"label": "\\ud800"}')],
        ("alone.json", b'{"label": "x"}'),
        ("README.md", b"hello"),
        *[("._good.wav", b"mac"), ("__MACOSX/good.wav", b"mac")],
    ]
    root = tmp_path / "in"
    write(root / "a.tar", [*sample("good", label="x"), *bad], "w")
    before = everything(tmp_path)
    clips = collect(root, limits={"member_mb": 0.1})
    reasons = {clip.clip_id.removeprefix("test/a.tar/"): clip.reason for clip in clips}
    unsafe = "unsafe name (control character or broken Unicode)"
    assert reasons == {
        "good": "",
        "../escaped": "leads out of the folder",
        "/tmp/earmark-absolute": "leads out of the folder",
        "link": "not a plain file (symbolic link)",
        "hard": "not a plain file (hard link)",
        "device": "not a plain file (device)",
        "pipe": "not a plain file (pipe)",
        "a\\nb": unsafe,
        "\\udcff": unsafe,
        "-rf": "no label (none of label, labels, captions, caption, text)",
        "big": "too large (0 MB, at most 0.1)",
        "x/passwd": "not a plain file (symbolic link)",
        "two": "duplicate key (two recordings)",
        "deep": "bad metadata (.json: RecursionError)",
        "list": "bad metadata (.json: no object)",
        "surrogate": "bad metadata (.json: UnicodeEncodeError)",
        "alone": "no audio",
    }
    made = everything(tmp_path) - before
    assert all(path.startswith("in/out/test/a-") or path in ("in/out", "in/out/test") for path in made)
    assert not Path("/tmp/earmark-absolute.wav").exists()
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_a_finished_tar_is_not_unpacked_again_and_a_changed_one_is(tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.tar", sample("k", label=name))
    first = collect(tmp_path)
    kept = {clip.parts[0].path: Path(clip.parts[0].path).stat().st_ino for clip in first}
    assert [c.labels for c in collect(tmp_path, key="other;label", licence="CC0-1.0")] == [["a"], ["b"]]
    assert {path: Path(path).stat().st_ino for path in kept} == kept, "other labels need no other audio"
    write(tmp_path / "b.tar", sample("k", label="c", seconds=1))
    second = collect(tmp_path)
    assert [(c.labels, c.duration_s) for c in second] == [(["a"], 0.5), (["c"], 1.0)]
    assert Path(first[0].parts[0].path).stat().st_ino == kept[first[0].parts[0].path]


def test_an_interrupted_run_leaves_no_half_tar_behind(tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.tar", sample("k", label=name) + sample("l", label=name))
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:-12000])
    with pytest.raises(UserError, match="b.tar is damaged"):
        collect(tmp_path)
    assert {path.split("/")[2][:2] for path in everything(tmp_path) if path.startswith("out/test/")} == {"a-"}
    (tmp_path / "b.tar").write_bytes(whole)
    assert len(collect(tmp_path)) == 4


def torn(path: Path, how: str) -> None:
    """Damage a tar.gz of two samples in a way of that name."""
    plain = gzip.decompress(path.read_bytes())
    if how == "half a gzip":
        path.write_bytes(path.read_bytes()[:-200])
    elif how == "a flipped bit":
        data = bytearray(path.read_bytes())
        data[-6] ^= 1  # in the checksum of the gzip
        path.write_bytes(data)
    elif how == "no end":
        path.write_bytes(gzip.compress(plain.rstrip(b"\0") + bytes(-len(plain.rstrip(b"\0")) % 512)))
    elif how == "a garbled header":
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            start = tar.getmembers()[2].offset
        path.write_bytes(gzip.compress(plain[:start] + b"x" * 512 + plain[start + 512 :]))
    elif how == "a huge header":
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, 10**12
        path.write_bytes(
            gzip.compress(
                info.tobuf(tarfile.USTAR_FORMAT if info.size < 8**11 else tarfile.GNU_FORMAT) + plain
            )
        )
    else:
        path.write_bytes({"no tar": b"hello " * 500, "empty": b""}[how])


@pytest.mark.parametrize(
    "how", ["half a gzip", "a flipped bit", "no end", "a garbled header", "a huge header", "no tar", "empty"]
)
def test_a_broken_archive_is_named(tmp_path, how):
    write(tmp_path / "a.tar.gz", sample("k", label="x") + sample("l", label="x"), "w:gz")
    torn(tmp_path / "a.tar.gz", how)
    with pytest.raises(UserError, match="a.tar.gz is damaged .*; get it again") as caught:
        collect(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path):
    info = tarfile.TarInfo("bomb.wav")
    info.size = 10**12
    with gzip.open(tmp_path / "a.tar.gz", "wb") as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(10**6))
    with pytest.raises(UserError, match=r"limits.archive_mb allows \(1000000, at most 50000\)"):
        collect(tmp_path)
    write(tmp_path / "a.tar.gz", sample("k", label="x"), "w:gz")
    with pytest.raises(UserError, match="limits.members"):
        collect(tmp_path, limits={"members": 1})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("b{0..3}.tar", "no file below .* matches 'b0.tar'; nearest: "),
        ("../*.tar", "leads out of the folder"),
        ("/*.tar", "leads out of the folder"),
        ("b{0..3.tar", "a brace is not closed"),
        ("b{1..100000000}.tar", "stand for more than"),
    ],
)
def test_patterns_that_find_nothing_are_said(tmp_path, pattern, message):
    write(tmp_path / "b1.tar", sample("k", label="x"))
    with pytest.raises(UserError, match=message):
        collect(tmp_path, pattern)


def test_one_tar_in_two_splits_is_refused(tmp_path):
    write(tmp_path / "b1.tar", sample("k", label="x"))
    settings = completed(kind="tars", root=str(tmp_path), splits={"train": "*.tar", "test": "b1.tar"})
    with pytest.raises(UserError, match="b1.tar is in split 'train' too"):
        list(tars.collect(settings, tmp_path / "out", 0, 1))


def _tar(path, members: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("form", ["xz", "bz2", "zst", "gz"])
def test_compressed_tars_are_read_and_damaged_ones_named(tmp_path, form):
    members = {"a.wav": tone(), "a.json": b'{"label": "dog"}'}
    path = tmp_path / "x.tar"
    _tar(path, members, "w" if form == "zst" else f"w:{form}")
    if form == "zst":
        path.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
    source = completed(kind="tars", root=str(tmp_path), splits={"test": "x.tar"})
    (clip,) = tars.collect(source, tmp_path / "out", 0, 1)
    assert clip.ok and clip.labels == ["dog"]
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:40] + bytes(40) + content[80:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            list(tars.collect(source, tmp_path / "out2", 0, 1))


def test_members_of_two_suffixes_belong_together_by_webdatasets_rule(tmp_path):
    described = b'{"label": "dog"}'
    members = {
        "k.speech.wav": tone(),
        "k.meta.json": described,
        "m.wav": tone(1, 90),
        "m.wav.json": described,
    }
    members |= {"n.1.wav": tone(1, 70), "n.1.json": described, "n.2.wav": tone(1, 80), "n.2.json": described}
    members |= {"p.a.wav": tone(1, 60), "p.b.wav": tone(1, 65), "p.json": described}
    _tar(tmp_path / "x.tar", members)
    source = completed(kind="tars", root=str(tmp_path), splits={"test": "x.tar"})
    found = {clip.clip_id: clip for clip in tars.collect(source, tmp_path / "out", 0, 1)}
    good = {name.rpartition("/")[2].rpartition(":")[2] for name, clip in found.items() if clip.ok}
    assert len(good) == 4 and all(clip.labels == ["dog"] for clip in found.values() if clip.ok)
    reasons = [clip.reason for clip in found.values() if not clip.ok]
    assert len(reasons) == 2 and "webdataset's key 'p' has 2 recordings: p.a, p.b" in reasons[0]
