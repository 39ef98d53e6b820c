"""The published networks: sizes to the digits given, names of all tensors, what a forward gives."""

import pytest
import torch

from earmark.systems.tagging.teachers.mobilenet_v3 import MobileNetV3, eights, parameters

PUBLISHED = {
    0.1: 0.124,
    0.2: 0.325,
    0.4: 0.984,
    0.5: 1.431,
    1: 4.877,
    2: 17.909,
    3: 39.086,
    4: 68.427,
}


@pytest.mark.parametrize(("width", "millions"), PUBLISHED.items())
def test_every_width_has_as_many_parameters_as_published(width, millions) -> None:
    with torch.device("meta"):
        model = MobileNetV3(527, width)

    assert round(parameters(model) / 1e6, 3) == millions


def test_tensors_are_called_what_they_are_called_in_published_files() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in MobileNetV3(527, 1.0).state_dict().items()}

    assert shapes["features.0.0.weight"] == (16, 1, 3, 3)
    assert shapes["features.1.block.0.0.weight"] == (16, 1, 3, 3)  # nothing to expand: depthwise first
    assert shapes["features.1.block.1.0.weight"] == (16, 16, 1, 1)
    assert shapes["features.4.block.0.0.weight"] == (72, 24, 1, 1)
    assert shapes["features.4.block.1.0.weight"] == (72, 1, 5, 5)
    assert shapes["features.4.block.2.conc_se_layers.0.fc1.weight"] == (24, 72)
    assert shapes["features.4.block.2.conc_se_layers.0.fc2.bias"] == (72,)
    assert shapes["features.4.block.3.1.running_mean"] == (40,)
    assert shapes["features.7.block.2.0.weight"] == (80, 240, 1, 1)  # none to squeeze
    assert shapes["features.16.0.weight"] == (960, 160, 1, 1)
    assert shapes["classifier.2.weight"] == (1280, 960)
    assert shapes["classifier.5.weight"] == (527, 1280)
    assert {name.split(".")[0] for name in shapes} == {"features", "classifier"}
    assert {int(name.split(".")[1]) for name in shapes if name.startswith("features")} == set(range(17))


def test_the_fully_convolutional_head_has_no_bias_and_pools_last() -> None:
    model = MobileNetV3(10, 0.1, "fully_convolutional").eval()
    tensors = model.state_dict()

    assert tensors["classifier.0.weight"].shape == (10, 96, 1, 1)
    assert "classifier.0.bias" not in tensors
    assert model(torch.zeros(2, 1, 128, 100)).shape == (2, 10)


def test_strides_are_those_of_four_blocks() -> None:
    usual, finer = MobileNetV3(2, 0.1), MobileNetV3(2, 0.1, strides=(2, 2, 1, 1))
    mel = torch.zeros(2, 1, 128, 64)

    assert usual.features(mel).shape[2:] == (4, 2)
    assert finer.features(mel).shape[2:] == (16, 8)


def test_channels_are_multiples_of_eight_and_lose_at_most_a_tenth() -> None:
    assert [eights(n) for n in (1.6, 11, 12, 18, 19, 20, 92, 97)] == [8, 16, 16, 24, 24, 24, 96, 96]
    assert all(eights(n) >= 0.9 * n and eights(n) % 8 == 0 for n in range(1, 2000))
