"""Training mixtures: who is mixed with whom, who is held out, and that a place always gives the same item."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earmark.core.errors import UserError
from earmark.core.records import Clip, write_manifest
from earmark.data.shards import Form, Writer, pack
from earmark.systems.separation.drawing import Draw, split
from earmark.systems.separation.query.table import spoken
from earmark.systems.separation.sounds import Sounds

from . import miniature

LABELS = {"hum": ["hum"], "whistle": ["whistle", "tone"], "hiss": ["hiss"], "clicks": ["clicks"]}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Sounds:
    """Four kinds of sound, three recordings of each, packed as the data stages pack them."""
    import soundfile

    folder, clips = tmp_path_factory.mktemp("sounds"), []
    for kind, labels in LABELS.items():
        for number in range(3):
            path = folder / f"{kind}{number}.wav"
            soundfile.write(path, miniature.sound(kind, number, 0.3), miniature.RATE)
            clip = Clip.unread(path, f"{kind}{number}", "train", labels, key=f"{kind}{number}")
            clip.parts = [type(clip.parts[0])(str(path), 0.0, 0.3)]
            clips.append(clip)
    index = folder / "train.parquet"
    with Writer(index.with_suffix(".tar")) as tar:
        write_manifest(index, pack(clips, tar, Form(miniature.RATE)))
    return Sounds.read([index])


def test_a_recording_comes_out_of_its_shard_as_it_went_in(sounds) -> None:
    assert len(sounds) == 12 and sounds.labels == ["clicks", "hiss", "hum", "tone", "whistle"]
    assert np.abs(sounds.wave(0) - miniature.sound("hum", 0, 0.3)).max() < 1e-4


def test_an_item_is_a_function_of_its_place(sounds) -> None:
    draw = Draw(sounds, samples=2000)
    one, two, other = draw.item(1, 5, 0), draw.item(1, 5, 0), draw.item(1, 6, 0)
    assert np.array_equal(one.mixture.mixture, two.mixture.mixture) and one.label == two.label
    assert not np.array_equal(one.mixture.mixture, other.mixture.mixture)


def test_a_sound_played_at_another_speed_is_drawn_like_any_other(sounds) -> None:
    draw = Draw(sounds, samples=2000, speed=1.5)
    one, two = draw.item(1, 5, 0), draw.item(1, 5, 0)
    assert np.array_equal(one.mixture.mixture, two.mixture.mixture)
    assert one.mixture.target.shape == (2000,)
    assert not np.array_equal(one.mixture.target, Draw(sounds, samples=2000).item(1, 5, 0).mixture.target)


def test_targets_are_of_the_domain_and_interferers_mostly_are_not(sounds) -> None:
    domain = frozenset({"hum", "hiss"})
    assert {Draw(sounds, domain, samples=500).item(0, n).label for n in range(30)} == domain
    for share, inside in ((0.0, 0.0), (1.0, 1.0)):
        draw, rng = Draw(sounds, domain, share), np.random.default_rng(0)
        others = [sounds.clips[draw._other(["hum"], rng)].labels[0] in domain for _ in range(50)]
        assert np.mean(others) == inside


def test_an_interferer_shares_no_label_with_its_target(sounds) -> None:
    draw, rng = Draw(sounds), np.random.default_rng(0)
    for _ in range(100):
        assert not {"tone", "whistle"} & set(sounds.clips[draw._other(["tone"], rng)].labels)


def test_every_class_keeps_recordings_for_both_sides_and_none_is_on_two(sounds) -> None:
    train, valid = split(sounds, 0.34, seed=0)
    sources = [{source for clip in side.clips for source in clip.source_id} for side in (train, valid)]
    assert not sources[0] & sources[1]
    assert [len({clip.labels[0] for clip in side.clips}) for side in (train, valid)] == [4, 4]
    assert [len(train), len(valid)] == [8, 4]
    assert len(split(sounds, 0.0, 0)[1]) == 0


def test_what_cannot_be_mixed_is_said(sounds) -> None:
    with pytest.raises(UserError, match="no training clip has a label of the domain"):
        Draw(sounds, frozenset({"cat"}))
    with pytest.raises(UserError, match="all clips are of one"):
        Draw(sounds.chosen([0, 1]))
    silent = sounds.chosen(range(12))
    silent._kept = {n: np.zeros(2000, np.float32) for n in range(12)}
    with pytest.raises(UserError, match="silent or all of one class"):
        Draw(silent, samples=500).item(0, 0)


def test_clips_that_can_t_be_decoded_are_counted_up_to_a_budget(sounds, tmp_path) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"no flac" * 1000)
    broken = sounds.chosen(range(12))
    broken._places = [replace(place, tar=bad) if n < 2 else place for n, place in enumerate(broken._places)]
    broken._allowed = 0.1
    assert broken.wave(0) is None
    with pytest.raises(UserError, match=r"2 of 12 clips cannot be decoded \(hum0"):
        broken.wave(1)


def test_a_label_is_asked_for_as_it_is_said() -> None:
    assert spoken("crying_baby") == "crying baby" and spoken("Dog") == "dog"
