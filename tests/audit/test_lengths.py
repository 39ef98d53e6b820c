"""Lengths and costs against numpy and against the published figures."""

from __future__ import annotations

import numpy as np
import pytest
from planted import SETTINGS, clip, published, write

from earmark.data.audit import cost, job
from earmark.data.audit.lengths import EDGES


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    rng = np.random.default_rng(0)
    seconds = {
        split: np.round(rng.gamma(2, 40, size=n), 3) + 0.5 for split, n in (("train", 400), ("test", 57))
    }
    clips = [
        clip(i, split, "dog", duration_s=float(s), labels=["dog", "bark"] if i % 3 else ["rain"])
        for split, values in seconds.items()
        for i, s in enumerate(values)
    ]
    folder = write(tmp_path_factory.mktemp("audit"), clips, copies=())
    return seconds, job.audit("sounds", folder, {"train": 2, "test": 1}, SETTINGS, "")


def test_lengths_are_numpys(drawn):
    seconds, record = drawn
    parts = {**{split: record["splits"][split] for split in seconds}, "all": record["overall"]}
    for split, part in parts.items():
        values = np.concatenate(list(seconds.values())) if split == "all" else seconds[split]
        found = part["lengths"]
        assert found["count"] == len(values)
        assert found["hours"] == pytest.approx(values.sum() / 3600)
        for name in ("mean", "std", "min", "median", "max"):
            assert found[name] == pytest.approx(getattr(np, name)(values)), name
        for p, value in found["percentiles"].items():
            assert value == pytest.approx(np.percentile(values, int(p)))
        histogram, _ = np.histogram(values, bins=[*EDGES, np.inf])
        assert list(found["histogram"].values()) == histogram.tolist()
        assert part["tokens"]["median"] == pytest.approx(25 * np.median(values))
        assert part["tokens"]["total"] == pytest.approx(25 * values.sum())


def test_a_clip_of_two_labels_counts_under_each(drawn):
    seconds, record = drawn
    by_label = {each["label"]: each for each in record["splits"]["train"]["by_label"]}
    chosen = np.arange(400) % 3 > 0
    assert by_label["dog"] == {**by_label["bark"], "label": "dog"}
    assert by_label["dog"]["count"] == chosen.sum()
    assert by_label["rain"]["mean"] == pytest.approx(seconds["train"][~chosen].mean())


def test_costs_count_the_clips_over_the_limit_and_say_what_is_unknown(drawn):
    seconds, record = drawn
    found = {(e["model"], e["split"]): e for e in record["estimates"]}
    assert found["small", "train"]["clips_over_max_audio_s"] == (seconds["train"] > 60).sum()
    assert found["unknown", "test"]["prefill_flops"] is None
    assert found["unknown", "test"]["audio_tokens"] == pytest.approx(25 * seconds["test"].sum(), abs=1)


def lengths(seconds, count=1):
    return {"count": count, "mean": seconds, "std": 0.0, "max": seconds}


def test_published_sizes_give_the_published_bytes_and_parameters():
    for name, per_token, parameters in (
        ("Qwen/Qwen2.5-Omni-3B", 36_864, 2.77e9),
        ("Qwen/Qwen2.5-Omni-7B", 57_344, 6.53e9),
    ):
        found = cost.estimate(published(name), lengths(300), 0)
        tokens = 7500 + cost.PROMPT_TOKENS
        assert found["kv_cache_bytes_longest_clip"] == per_token * tokens
        short = cost.estimate(published(name), lengths(0.04), 0)["prefill_flops"]
        # For few tokens the squares vanish: two operations per weight and token.
        assert short / 2 / (1 + cost.PROMPT_TOKENS) == pytest.approx(parameters, rel=0.01)
    three = cost.estimate(published("Qwen/Qwen2.5-Omni-3B"), lengths(300), 0)
    assert three["feature_bytes"] == 7500 * 2048 * 2
    tower = three["encoder_flops"] / (2 * 300 * 50)
    assert 0.62e9 < tower < 0.68e9, "about the tower's weights per frame, and attention over 2 s"


def test_the_estimate_of_many_lengths_is_the_sum_of_the_estimates():
    model = SETTINGS.models["small"]
    seconds = np.array([3.0, 10.0, 47.0, 200.0])
    each = [cost.estimate(model, lengths(s), 0) for s in seconds]
    together = {"count": 4, "mean": seconds.mean(), "std": seconds.std(), "max": 200.0}
    found = cost.estimate(model, together, 0)
    for name in ("prefill_flops", "encoder_flops", "feature_bytes"):
        assert found[name] == pytest.approx(sum(e[name] for e in each)), name


def test_times_have_a_scale():
    assert [cost.scale(s) for s in (1, 100, 2 * 3600, 1e6)] == ["seconds", "minutes", "hours", "days"]
