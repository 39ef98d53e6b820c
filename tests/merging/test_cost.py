"""What merging saves on paper, and what a grid allows: the specification's tables."""

import pytest
import torch
from ast_models import constant, spectrograms, tiny_ast
from torch.utils.flop_counter import FlopCounterMode
from transformers import ASTConfig

from earmark.core.errors import UserError
from earmark.merging.cost import macs
from earmark.merging.hooks import Merging
from earmark.merging.schedule import Schedule, clamp
from earmark.systems.tagging import network

BASE = ASTConfig(num_labels=527)


@pytest.mark.parametrize(
    ("frames", "tokens"),
    [
        (128, {(10, 10): 146, (12, 10): 122, (10, 12): 122, (12, 12): 102, (14, 14): 83, (16, 16): 66}),
        (512, {(10, 10): 602, (12, 10): 502, (10, 12): 506, (12, 12): 422, (14, 14): 326, (16, 16): 258}),
        (1024, {(10, 10): 1214, (12, 10): 1012, (10, 12): 1022, (12, 12): 852, (14, 14): 659, (16, 16): 514}),
    ],
)
def test_the_grid_of_patches(frames: int, tokens: dict[tuple[int, int], int]) -> None:
    for (along_mel, along_time), count in tokens.items():
        config = ASTConfig(max_length=frames, frequency_stride=along_mel, time_stride=along_time)
        assert network.tokens(config) == count


@pytest.mark.parametrize(
    ("tokens", "table"),
    [
        (1214, {"0": (130.5, 1.00, 1214), "8": (124.4, 1.05, 1118), "16": (118.4, 1.10, 1022), "24": (112.5, 1.16, 926), "32": (106.7, 1.22, 830), "40": (101.0, 1.29, 734), "48": (95.4, 1.37, 638), "64": (84.4, 1.55, 446), "77": (None, 1.72, 290), "64d": (None, 1.89, 451), "72d": (None, 2.10, 355)}),
        (1012, {"0": (105.0, 1.00, 1012), "8": (99.3, 1.06, 916), "16": (93.6, 1.12, 820), "24": (88.0, 1.19, 724), "32": (82.5, 1.27, 628), "40": (77.1, 1.36, 532), "48": (71.8, 1.46, 436), "64": (61.6, 1.71, 244), "77": (None, 1.96, 88), "64d": (None, 2.22, 249), "72d": (None, 2.57, 153)}),
        (146, {"0": (12.8, 1.00, 146), "8": (8.4, 1.52, 50), "16": (4.8, 2.65, 3), "24": (3.4, 3.83, 3), "32": (2.7, 4.81, 3), "40": (2.3, 5.68, 3)}),
    ],
)  # fmt: skip
def test_multiply_accumulates(tokens: int, table: dict[str, tuple[float | None, float, int]]) -> None:
    full = macs(BASE, [0] * 12, tokens)
    for name, (billions, speedup, left) in table.items():
        r = Schedule.parse(name, {}).per_layer(12)
        cost = macs(BASE, r, tokens)
        assert billions is None or cost / 1e9 == pytest.approx(billions, abs=0.053)
        assert round(full / cost, 2) == speedup
        assert clamp(r, tokens, 2).tokens[-1] == left


def test_multiply_accumulates_are_half_of_the_operations_torch_counts() -> None:
    model = tiny_ast(attention="eager")
    for r in (0, 5, 9):
        with Merging(model, constant(r)), FlopCounterMode(display=False) as counter:
            model(spectrograms(1))
        similarity = sum(counter.get_flop_counts()["Global"].values()) / 2 - macs(model.config, [r] * 3, 62)
        assert 0 <= similarity < 0.02 * macs(model.config, [0] * 3, 62)
        assert r or similarity == 0


@pytest.mark.parametrize(
    ("r", "tokens"),
    [
        (16, [146, 130, 114, 98, 82, 66, 50, 34, 18, 10, 6, 4, 3]),
        (32, [146, 114, 82, 50, 26, 14, 8, 5, 4, 3, 3, 3, 3]),
    ],
)
def test_a_second_of_audio_is_soon_merged_to_three_tokens(r: int, tokens: list[int]) -> None:
    assert clamp([r] * 12, 146, 2).tokens == tokens


@pytest.mark.parametrize(("tokens", "most"), [(1214, 93), (1012, 77), (146, 11)])
def test_the_largest_r_that_nothing_clamps(tokens: int, most: int) -> None:
    assert not clamp([most] * 12, tokens, 2).clamped_layers
    assert clamp([most + 1] * 12, tokens, 2).clamped_layers


def test_a_falling_ramp_loses_what_is_cut_off() -> None:
    falling = Schedule.parse("16d", {}).per_layer(12)
    assert falling == [32, 29, 26, 23, 20, 17, 14, 11, 8, 5, 2, 0]
    assert sum(falling) == 187
    assert Schedule.parse("16i", {}).per_layer(12) == falling[::-1]


def test_listed_layers_that_are_missing_merge_nothing() -> None:
    assert Schedule.parse("front", {"front": [9, 5]}).per_layer(4) == [9, 5, 0, 0]
    assert Schedule.parse("front", {"front": [9, 5]}).per_layer(1) == [9]


@pytest.mark.parametrize("name", ["x", "0d", "-1", "1.5", "016", ""])
def test_a_schedule_of_no_known_form_is_named(name: str) -> None:
    with pytest.raises(UserError, match="unknown merging schedule"):
        Schedule.parse(name, {"front": [1]})


def test_torch_runs_at_the_length_that_is_counted() -> None:
    model = tiny_ast(frames=128, layers=12)
    with Merging(model, constant(16)) as merging, torch.inference_mode(), pytest.warns(UserWarning):
        model(spectrograms(1, frames=128))
    assert merging.clamped is not None and merging.clamped.tokens[-1] == 3
    assert merging.sizes is not None and merging.sizes.tolist() == [[1, 1, 144]]
