"""The network: the published counts, and the specification's own arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from earmark.systems.separation.network.blocks import activated, spread
from earmark.systems.separation.network.resunet import ResUNet, Sizes
from earmark.systems.separation.network.spectrum import Transform
from earmark.systems.separation.published import names

from . import transcription
from .conftest import SMALL, drawn


def count(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_the_published_size_has_26_447_941_weights(published) -> None:
    assert count(published) == 26_447_941


@pytest.mark.parametrize(
    ("part", "weights"),
    [
        ("norm", 2_050),
        ("stem", 64),
        ("encoders.0", 18_560),
        ("encoders.1", 57_600),
        ("encoders.2", 229_888),
        ("encoders.3", 918_528),
        ("encoders.4", 2_311_808),
        ("encoders.5", 2_655_744),
        ("middle", 2_655_744),
        ("decoders.0", 4_575_360),
        ("decoders.1", 4_870_272),
        ("decoders.2", 2_297_088),
        ("decoders.3", 608_128),
        ("decoders.4", 152_512),
        ("decoders.5", 38_368),
        ("head", 99),
    ],
)
def test_every_block_has_the_weights_of_the_specification(published, part, weights) -> None:
    own = {
        name: weight
        for name, weight in published.named_parameters()
        if name.startswith(f"{part}.") and "film" not in name
    }
    assert sum(weight.numel() for weight in own.values()) == weights


def test_film_has_38_layers_and_5_056_128_weights(published) -> None:
    film = [weight for name, weight in published.named_parameters() if "film" in name]
    assert len(film) == 2 * 38
    assert sum(weight.numel() for weight in film) == 5_056_128


def test_it_computes_what_the_specification_says(published) -> None:
    torch.manual_seed(0)
    mixture, condition = 0.1 * torch.randn(2, 24_321), torch.nn.functional.normalize(torch.randn(2, 512))
    state = published.state_dict()
    public = {theirs: state[ours] for ours, theirs in names.public(state, 6)}

    with torch.inference_mode():
        found = published(mixture, condition)
        expected = transcription.separate(public, mixture, condition)

    assert found.shape == mixture.shape
    assert expected.abs().max() > 0.01
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_transform_inverts_itself() -> None:
    transform, wave = Transform(), torch.randn(1, 32_001)
    assert torch.allclose(transform.synthesise(transform.analyse(wave)), wave, atol=1e-5)


def test_a_query_s_embedding_changes_the_estimate_and_no_other_sample_of_the_batch(small) -> None:
    mixture, condition = torch.randn(2, 8_000), torch.randn(2, 8)
    other = condition.clone()
    other[1] += 1

    with torch.inference_mode():
        before, after = small(mixture, condition), small(mixture, other)

    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


def test_a_network_with_a_level_hears_a_quiet_mixture_as_a_loud_one() -> None:
    model = drawn(replace(SMALL, level=0.1))
    mixture, condition = torch.randn(1, 8_000), torch.randn(1, 8)
    with torch.inference_mode():
        loud, quiet = model(mixture, condition), model(mixture / 1000, condition)
    assert torch.allclose(loud, 1000 * quiet, atol=1e-4)
    assert not model(0 * mixture, condition).isnan().any()


def test_patches_are_taken_together_and_parted_again() -> None:
    model = drawn(replace(SMALL, patch=(2, 4), pools=((1, 4), (2, 4), (1, 4))))
    mixture, condition = torch.randn(2, 8_001), torch.randn(2, 8)
    with torch.inference_mode():
        found = model(mixture, condition)
        mask = model.mask(model.transform.analyse(mixture).magnitude, condition)
    assert found.shape == mixture.shape and mask.shape == (2, 3, 26, 1025)
    assert (mask.diff(dim=2).abs().sum((0, 1, 3)) > 0).all(), "every frame has a mask of its own"
    assert (mask[..., :-1].diff(dim=3).abs().sum((0, 1, 2)) > 0).all(), "and every bin"


def test_offsets_in_the_normalisation_s_bias_are_offsets_after_it(small) -> None:
    layer, x = small.encoders[1].norm2, torch.randn(3, 4, 5, 6)
    offset = torch.randn(3, 4, 1, 1)
    expected = torch.nn.functional.leaky_relu(layer(x) + offset, 0.01)
    assert torch.allclose(activated(x, layer, offset), expected, atol=1e-6)


def test_a_product_laid_out_anew_is_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    layer, x = torch.nn.ConvTranspose2d(6, 4, (1, 3), (1, 3), bias=False), torch.randn(2, 6, 5, 7)
    assert torch.allclose(spread(x, layer), layer(x), atol=1e-6)


def test_levels_need_as_many_pools() -> None:
    with pytest.raises(ValueError, match="2 levels of channels need as many pools"):
        Sizes((2, 4), ((2, 2),))
    with pytest.raises(ValueError, match="must divide 1024"):
        Sizes((2,), ((1, 3),))


def test_a_small_network_has_the_same_parts() -> None:
    small, state = ResUNet(SMALL), ResUNet(SMALL).state_dict()
    assert len(dict(names.public(state, 3))) == len(state)
    assert count(small) < 10_000
