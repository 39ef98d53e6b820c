"""Half-Truth: what is fake stays known, to the sample, in the long audio made of it."""

from __future__ import annotations

import numpy as np
import pytest
from corpora import RATE, hertz, joined, settings, tone, write

from earmark.audio.reader import Reader
from earmark.core.errors import UserError
from earmark.core.records import read_manifest, write_manifest
from earmark.data import shards
from earmark.data.sources import had

TRUE_HZ, FAKE_HZ = 500.0, 2000.0


@pytest.fixture
def root(tmp_path):
    """Utterances of 2 to 3 s; fake stretches are another tone than true ones."""
    lines = []
    for i in range(24):
        length, start, stop = 2 + 0.1 * (i % 10), 0.5 + 0.05 * i % 0.6, 1.3 + 0.02 * i
        name = f"HAD_train_{'fake' if i % 2 else 'real'}_{i:08d}"
        samples = tone(TRUE_HZ, length)
        if i % 2:
            low, high = round(start * RATE), round(stop * RATE)
            samples[low:high] = tone(FAKE_HZ, stop - start)[: high - low]
            segments = f"0.00-{start:.2f}-T/{start:.2f}-{stop:.2f}-F/{stop:.2f}-{length:.2f}-T 0"
        else:
            segments = f"0.00-{length:.2f}-T 1"
        write(tmp_path / f"HAD_train/train/conbine/{name}.wav", samples)
        lines.append(f"{name} {segments}")
    (tmp_path / "HAD_train/HAD_train_label.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def collect(folder, **changes):
    return list(had.collect(settings("had", folder, **changes), folder / "out", 0, 2))


def relabel(root, lines):
    (root / "HAD_train/HAD_train_label.txt").write_text("\n".join(lines) + "\n")


def test_flag_0_is_fake_and_only_its_fake_stretches_are_marked(root):
    clips = collect(root)
    assert [c.labels for c in clips] == [["fake" if "fake" in c.clip_id else "real"] for c in clips]
    assert all(len(c.spans) == (c.labels == ["fake"]) for c in clips)
    assert all(c.ok and c.split == "test" and c.sample_rate == RATE for c in clips)


def test_fake_spans_of_packed_long_audio_hold_the_fake_audio(root, tmp_path):
    long = joined(collect(root), min_s=9, max_s=15)
    write_manifest(tmp_path / "clips.parquet", long)
    used = [clip for clip in read_manifest(tmp_path / "clips.parquet") if clip.ok]
    assert {clip.labels[0] for clip in used} == {"real", "fake"}
    for clip in used:
        assert 9 <= clip.duration_s <= 15
        samples, _ = shards.assemble(clip, shards.Form(RATE), Reader())
        assert (clip.labels == ["fake"]) == bool(clip.spans)
        marked = np.zeros(len(samples), dtype=bool)
        for span in clip.spans:
            low, high = round(span.start_s * RATE), round(span.end_s * RATE)
            assert hertz(samples[low:high]) == pytest.approx(FAKE_HZ, abs=5)
            marked[low:high] = True
        assert hertz(np.where(marked, 0, samples)) == pytest.approx(TRUE_HZ, abs=5)
        # No fake audio outside the spans: its tone has no energy left there.
        spectrum = np.abs(np.fft.rfft(np.where(marked, 0, samples)))
        at = round(FAKE_HZ * len(samples) / RATE)
        assert spectrum[at - 3 : at + 4].max() < 0.01 * spectrum.max()


def test_audio_is_never_repeated_to_fill_a_clip(root):
    long = joined(collect(root), min_s=9, max_s=15)
    paths = [part.path for clip in long for part in clip.parts]
    assert len(set(paths)) == len(paths) == 24
    assert all(part.start_s == 0 for clip in long for part in clip.parts), "whole utterances"
    short = joined(collect(root), min_s=20, max_s=40)
    assert [c.status for c in short].count("unused") == sum(c.duration_s < 20 for c in short)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("HAD_train_real_00000000 0.00-2.00-T 0", "label conflict"),
        ("HAD_train_fake_00000001 0.00-1.00-F 1", "label conflict"),
        ("HAD_train_real_00000000 0.00-99.00-T/99.00-100.00-F 0", "annotation outside the recording"),
        ("HAD_train_real_00000000 0.50-0.20-T 1", "unreadable label"),
        ("HAD_train_real_00000000 0.00-nan-F 0", "unreadable label"),
        ("HAD_train_real_00000000 1", "unreadable label"),
        ("../../../../secret 0.00-1.00-T 1", "leads out of the folder"),
        ("/etc/passwd 0.00-1.00-T 1", "leads out of the folder"),
        ("HAD_train_none 0.00-1.00-T 1", "missing"),
    ],
)
def test_a_line_that_cannot_be_trusted_is_a_failed_row(root, line, code):
    write(root.parent / "secret.wav", tone(500, 1))
    relabel(root, [line])
    assert [c.reason.partition(" (")[0] for c in collect(root)] == [code]


def test_an_utterance_listed_twice_is_used_once(root):
    lines = (root / "HAD_train/HAD_train_label.txt").read_text().splitlines()
    relabel(root, [lines[0], lines[1], lines[0]])
    clips = collect(root)
    assert [c.reason for c in clips] == ["", "", "listed twice"]
    assert len({c.clip_id for c in clips}) == 3


def test_a_wrong_rate_is_recorded_as_it_is(root):
    write(root / "HAD_train/train/conbine/HAD_train_real_00000000.wav", tone(500, 2, 8000), 8000)
    assert collect(root)[0].sample_rate == 8000


def test_a_missing_list_or_one_outside_is_said(root):
    with pytest.raises(UserError, match=r"data.source.labels: there is no file"):
        collect(root, labels="none.txt")
    with pytest.raises(UserError, match="leads out of the folder"):
        collect(root, labels="../x.txt")
