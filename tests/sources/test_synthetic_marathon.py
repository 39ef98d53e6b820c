"""The stand-ins: every task in its real layout, seeded, its transcripts true to its sound."""

from __future__ import annotations

import numpy as np
import pytest
from made import completed

from earmark.data.sources import audiomarathon, synthetic_marathon
from earmark.data.sources.synthetic_marathon import CLASSES
from earmark.data.sources.synthetic_words import _HIGH, _LOW, SAMPLE_RATE, WORDS, speak
from earmark.scoring.groups import facets

SMALL = {"clips_per_class": 2, "min_s": 1, "max_s": 1.5}
GROUPS = {
    "desed": {"task_type"},
    "race": {"level"},
    "slue": {"task_name"},
    "tau": {"scene"},
    "vesus": {"emotion", "person"},
    "vox_gender": {"speaker"},
    "vox_age": {"speaker"},
    "had": set(),
}


def asked(task, **splits):
    return completed(kind="synthetic_marathon", task=task, splits=splits)


@pytest.mark.parametrize("task", sorted(CLASSES))
def test_a_task_of_choices_is_read_back_whole(tmp_path, task):
    clips = list(synthetic_marathon.collect(asked(task, test=SMALL), tmp_path, 0, 1))
    assert len(clips) == 2 * len(CLASSES[task]) and all(c.ok for c in clips)
    assert {c.labels[0] for c in clips} == set(CLASSES[task])
    assert all(c.labels[0] in c.options for c in clips if c.options)
    assert {frozenset(facets(c.group)) for c in clips} == {frozenset(GROUPS[task])}
    assert len({c.sha256 for c in clips}) == len(clips)
    again = list(audiomarathon.read(task, tmp_path / "test", "test", ""))
    assert [c.clip_id for c in again] == [c.clip_id for c in clips]


def test_the_transcription_task_is_speakers_chapters_and_transcripts(tmp_path):
    wanted = {"utterances": 6, "min_words": 2, "max_words": 4}
    settings = asked("librispeech", train=wanted, test=wanted)
    made = [list(synthetic_marathon.collect(settings, tmp_path / n, s, 1)) for n, s in (("a", 0), ("b", 0))]
    clips = made[0]
    assert len(clips) == 12 and {len(c.text.split()) for c in clips} <= {2, 3, 4}
    assert set(" ".join(c.text for c in clips).split()) <= {word.upper() for word in WORDS}
    assert [c.sha256 for c in clips] == [c.sha256 for c in made[1]]
    sources = {s: {x for c in clips if c.split == s for x in c.source_id} for s in ("train", "test")}
    assert not sources["train"] & sources["test"]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_its_two_tones(word):
    wave = speak((word,), np.random.default_rng(0))
    power = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)

    def loudest(tones):
        return max(tones, key=lambda tone: power[np.abs(hertz - tone) < 0.04 * tone].sum())

    index = WORDS.index(word)
    assert (loudest(_LOW), loudest(_HIGH)) == (_LOW[index % 4], _HIGH[index // 4])
