"""What it costs is known before, and too much is refused with what would cost less."""

import pytest

from earmark.core.errors import UserError
from earmark.models.contract import Audio
from earmark.models.sizes import Depth
from earmark.systems.embeddings import estimate
from earmark.systems.embeddings.estimate import Request
from earmark.systems.embeddings.layers import parse

DEPTH = Depth(encoder=32, lm=32, encoder_width=1280, lm_width=4096)


def request(names, pooling="none", span="all", clips=1, width=2):
    return Request([30.0] * clips, [parse(n) for n in names], DEPTH, pooling, span, width, 6, Audio())


def test_all_layers_of_30_seconds_are_about_210_mb():
    size = estimate.size(request([f"lm.{i}" for i in range(33)]))
    assert size == 33 * 756 * 4096 * 2
    assert 200e6 < size < 215e6


def test_an_encoder_output_of_30_seconds_is_two_megabytes():
    assert estimate.size(request(["encoder"])) == 750 * 1280 * 2
    assert estimate.size(request(["encoder.7"])) == 1500 * 1280 * 2


def test_too_much_is_refused_with_cheaper_ways():
    wanted = request([f"lm.{i}" for i in range(33)], clips=10_000, width=4)
    with pytest.raises(UserError) as refused:
        estimate.check(wanted, 20, "embeddings")
    message = str(refused.value)
    assert "33 layers of 10000 clips take 4.1 TB, budget_gb allows 20 GB" in message
    for way in ("pooling: mean (10.8 GB)", "dtype: float16 (2.0 TB)", "layers: [lm.32] alone", "span: text"):
        assert way in message, message
    assert "\n" not in message


def test_the_budget_is_the_last_size_that_passes():
    asked = request(["encoder"], clips=100)
    size = estimate.size(asked) / 1e9
    estimate.check(asked, size * 1.001, "embeddings")
    with pytest.raises(UserError):
        estimate.check(asked, size * 0.999, "embeddings")


def test_seconds_grow_with_audio_and_parameters():
    asked = request(["lm.1"])
    one = estimate.seconds(asked, [30.0], 10**6, 10**6, 1e9)
    assert estimate.seconds(asked, [30.0] * 4, 10**6, 10**6, 1e9) == pytest.approx(4 * one)
    assert estimate.seconds(asked, [30.0], 10**6, 0, 1e9) < one
