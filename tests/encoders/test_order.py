"""The order of samples: mixed by chunks, shuffled, sorted by length, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from earmark.core.errors import UserError
from earmark.core.seeding import generator
from earmark.systems.encoders.order import Clip, Source, batches, mixed, shuffled


def source(name="a", share=1.0, shards=2, clips=5, texts=1, prompts=("?",)):
    def clip(shard, number):
        return Clip(f"{name}{shard}", f"{number}", 1.0 + number, tuple(f"{name}{i}" for i in range(texts)))

    made = tuple(tuple(clip(s, n) for n in range(clips)) for s in range(shards))
    return Source(name, prompts, share, made)


def stream(count, sources, chunk=4, seed=0):
    return [sample for (sample,) in islice(mixed(sources, chunk, seed), count)]


def taken(sources, count=50, seed=0, **more):
    arguments = {"size": 4, "bucket": 128, "seed": seed, "tokens": lambda sample: len(sample.text)} | more
    return list(islice(batches(sources, **arguments), count))


def test_data_sets_come_in_chunks_as_often_as_their_shares_say():
    found = stream(40_000, [source("a", 0.25), source("b", 0.75)])
    chunks = [found[i : i + 4] for i in range(0, len(found), 4)]
    assert all(len({sample.source for sample in chunk}) == 1 for chunk in chunks)
    assert Counter(chunk[0].source for chunk in chunks)["b"] / len(chunks) == pytest.approx(0.75, abs=0.02)


def test_a_shard_is_read_from_front_to_back_one_sample_a_text():
    found = stream(16, [source(texts=3, shards=1)])
    assert [(s.clip.key, s.text) for s in found[:4]] == [("0", "a0"), ("0", "a1"), ("0", "a2"), ("1", "a0")]
    assert found[15].clip.key == "0"


def test_shards_are_drawn_with_replacement():
    found = stream(200, [source(shards=3, clips=1)])
    drawn = [sample.clip.shard for sample in found]
    assert set(Counter(drawn)) == {"a0", "a1", "a2"}
    assert any(first == second for first, second in zip(drawn, drawn[1:], strict=False))


def test_batches_of_a_bucket_fall_in_length():
    lengths = [[s.clip.seconds + len(s.text) for s in batch] for batch in taken([source(clips=40)], 64)]
    for first in (0, 32):
        bucket = sum(lengths[first : first + 32], [])
        assert bucket == sorted(bucket, reverse=True)
    assert max(lengths[32]) > min(lengths[31])


def test_a_clips_texts_can_stay_together_and_batches_count_clips_then():
    for batch in taken([source("a", 0.5, clips=40, texts=3), source("b", 0.5, texts=2)], by_clip=True):
        clips, rest = [], batch
        while rest:
            clips.append(rest[0].clip)
            mine, rest = rest[: len(clips[-1].texts)], rest[len(clips[-1].texts) :]
            assert [(sample.clip, sample.text) for sample in mine] == [
                (clips[-1], text) for text in clips[-1].texts
            ]
        assert len(clips) == 4 and clips == sorted(clips, key=lambda clip: -clip.seconds)


def test_the_same_seed_gives_the_same_order_and_another_does_not():
    sources = [source("a", 0.5), source("b", 0.5)]
    assert taken(sources) == taken(sources) != taken(sources, seed=1)


def test_a_data_set_keeps_its_order_when_another_joins():
    alone = stream(80, [source("a")], seed=3)
    beside = [s for s in stream(400, [source("a", 0.5), source("b", 0.5)], seed=3) if s.source == "a"]
    assert beside[:80] == alone[: len(beside[:80])]


def test_one_of_several_prompts_is_drawn():
    found = Counter(s.prompt for s in stream(400, [source(prompts=("x", "y"))]))
    assert found["x"] == pytest.approx(200, abs=50)


def test_shuffling_loses_and_doubles_nothing():
    found = list(islice(shuffled(iter(range(10_000)), generator(0)), 5000))
    assert len(set(found)) == 5000 and found != sorted(found) and max(found) < 5300


def test_a_data_set_without_a_usable_clip_is_named():
    with pytest.raises(UserError, match="data set 'b': no training clip that can be used"):
        taken([source("a", 0.5), source("b", 0.5, texts=0)])
