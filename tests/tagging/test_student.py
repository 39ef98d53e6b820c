"""A student: its sizes, where its weights start, and how it is written and read."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTForAudioClassification,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    ViTConfig,
    ViTForImageClassification,
)

from earmark.core.errors import UserError
from earmark.systems.tagging import network, start, student
from earmark.systems.tagging.architecture import Architecture

SIZES = {"hidden": 16, "layers": 2, "heads": 2, "mlp": 32}
INNER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
NAMES = ["bark", "rain", "siren"]


def entry(strides=(16, 16), sizes=SIZES, **init) -> Architecture:
    made = {"sizes": sizes, "strides": list(strides), "init": {"from": "random", **init}}
    return Architecture.read(made, "student")


@pytest.fixture(scope="module")
def deit(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deit")
    torch.manual_seed(1)
    model = DeiTForImageClassificationWithTeacher(DeiTConfig(**INNER, image_size=64, layer_norm_eps=1e-6))
    embeddings = model.deit.embeddings
    for tensor in (embeddings.cls_token, embeddings.distillation_token, embeddings.position_embeddings):
        torch.nn.init.normal_(tensor)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(2)
    ViTForImageClassification(ViTConfig(**INNER, image_size=64)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> Path:
    """An AST of strides 10/10, 128 frames and three classes."""
    folder = tmp_path_factory.mktemp("ast")
    config = network.configure(entry((10, 10)), NAMES, 128)
    network.randomly(config, 3).save_pretrained(folder)
    return folder


def positions(model: ASTForAudioClassification) -> torch.Tensor:
    return model.audio_spectrogram_transformer.embeddings.position_embeddings.detach()


def test_the_base_student_has_the_published_number_of_parameters():
    base = entry((12, 10), {"hidden": 768, "layers": 12, "heads": 12, "mlp": 3072})
    with torch.device("meta"):
        model = ASTForAudioClassification(network.configure(base, 527, 1024))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == 86.44


@pytest.mark.parametrize(
    ("frames", "strides", "expected"),
    [
        (128, (10, 10), 146),
        (128, (12, 10), 122),
        (512, (10, 10), 602),
        (512, (16, 16), 258),
        (1024, (10, 10), 1214),
        (1024, (12, 10), 1012),
        (1024, (10, 12), 1022),
        (1024, (14, 14), 659),
        (1024, (16, 16), 514),
    ],
)
def test_the_tokens_are_those_of_the_table(frames, strides, expected):
    assert network.tokens(network.configure(entry(strides), 3, frames)) == expected


def test_random_weights_depend_on_the_seed_alone_and_tell_cls_from_dist():
    torch.manual_seed(5)
    first = student.build(entry(), NAMES, 64, seed=7)
    torch.manual_seed(6)
    before = torch.random.get_rng_state()
    again, other = student.build(entry(), NAMES, 64, seed=7), student.build(entry(), NAMES, 64, seed=8)

    assert torch.equal(torch.random.get_rng_state(), before)
    states = [model.state_dict() for model in (first, again, other)]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(positions(first), positions(other))
    embeddings = first.audio_spectrogram_transformer.embeddings
    assert not torch.equal(embeddings.cls_token, embeddings.distillation_token)


def test_a_saved_student_answers_as_before(tmp_path):
    made = student.build(entry(), NAMES, 64, kind="single_label").eval()
    student.save(made, tmp_path)
    again = student.load(tmp_path).eval()

    x = torch.randn(2, 64, 128)
    assert torch.equal(made(x).logits, again(x).logits)
    assert [again.config.id2label[i] for i in range(3)] == NAMES
    assert again.config.problem_type == "single_label_classification"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_a_distilled_vision_transformer_is_taken_over_with_its_colours_summed(deit):
    model, record = start.begin(entry(**{"from": "imagenet", "path": str(deit)}), NAMES, 64)

    theirs = load_file(deit / "model.safetensors")
    ours = model.audio_spectrogram_transformer.state_dict()
    kernel = theirs["deit.embeddings.patch_embeddings.projection.weight"]
    torch.testing.assert_close(ours["embeddings.patch_embeddings.projection.weight"][:, 0], kernel.sum(dim=1))
    assert torch.equal(
        ours["layers.1.attention.k_proj.bias"], theirs["deit.encoder.layer.1.attention.attention.key.bias"]
    )
    assert torch.equal(ours["embeddings.distillation_token"], theirs["deit.embeddings.distillation_token"])
    assert torch.equal(positions(model)[:, :2], theirs["deit.embeddings.position_embeddings"][:, :2])
    assert model.config.layer_norm_eps == 1e-6
    assert (record["grid"], record["interpolated"], record["head"]) == ([4, 4], True, "new")


def test_the_first_layers_answer_as_the_vision_transformer_does_to_a_grey_picture(deit):
    """Layers and patches one by one, since no picture has the shape of a spectrogram."""
    model, _ = start.begin(entry(**{"from": "imagenet", "path": str(deit)}), NAMES, 64)
    source, _ = network.read(DeiTForImageClassificationWithTeacher, deit, "source")
    tokens = torch.randn(1, 5, 16)
    ours, theirs = model.audio_spectrogram_transformer, source.deit
    for mine, other in zip(ours.layers, theirs.layers):
        assert torch.equal(mine(tokens), other(tokens))
    grey = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(
        ours.embeddings.patch_embeddings.projection(grey),
        theirs.embeddings.patch_embeddings.projection(grey.expand(1, 3, 16, 16)),
    )


def test_a_vision_transformer_without_dist_starts_it_as_cls(vit):
    model, _ = start.begin(entry(**{"from": "imagenet", "path": str(vit)}), NAMES, 64)

    embeddings = model.audio_spectrogram_transformer.embeddings
    assert torch.equal(embeddings.distillation_token, embeddings.cls_token)
    assert torch.equal(positions(model)[:, 0], positions(model)[:, 1])


def test_an_ast_of_the_same_grid_and_classes_is_taken_over_bit_by_bit(audio):
    model, record = start.begin(entry((10, 10), **{"from": "audioset", "path": str(audio)}), NAMES, 128)

    theirs, _ = network.read(ASTForAudioClassification, audio, "source")
    for name, value in theirs.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert (record["interpolated"], record["head"]) == (False, "kept")


def test_the_head_follows_the_classes(audio):
    init = {"from": "audioset", "path": str(audio)}
    theirs = load_file(audio / "model.safetensors")["classifier.dense.weight"]

    other, record = start.begin(entry((10, 10), **init), ["bark", "rain", "bell"], 128, seed=1)
    assert record["head"] == "new"
    assert not torch.equal(other.classifier.dense.weight, theirs)

    turned, record = start.begin(entry((10, 10), **init), ["siren", "bark", "rain"], 128)
    assert record["head"] == "reordered"
    assert torch.equal(turned.classifier.dense.weight, theirs[[2, 0, 1]])


@pytest.mark.parametrize(
    ("frames", "strides"), [(64, (16, 16)), (128, (12, 10)), (256, (10, 10)), (1024, (16, 12))]
)
def test_positions_that_rise_in_a_line_still_do_on_another_grid(audio, tmp_path, frames, strides):
    tensors = load_file(audio / "model.safetensors")
    name = "audio_spectrogram_transformer.embeddings.position_embeddings"
    row, column = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    ramp = (100 * row + column).reshape(1, -1, 1).expand(1, -1, 16)
    tensors[name] = torch.cat([tensors[name][:, :2], ramp], dim=1).contiguous()
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text((audio / "config.json").read_text())

    model, _ = start.begin(entry(strides, **{"from": "audioset", "path": str(tmp_path)}), NAMES, frames)

    rows, columns = network.grid(model.config)
    found = positions(model)[0, 2:, 0].reshape(rows, columns)
    by_row, by_column = found[:, 0].diff(), found[0].diff()
    torch.testing.assert_close(by_row, by_row[:1].expand_as(by_row))
    torch.testing.assert_close(by_column, by_column[:1].expand_as(by_column), rtol=1e-3, atol=1e-3)
    assert torch.equal(positions(model)[:, :2], tensors[name][:, :2])


def test_the_patches_of_another_stride_lie_where_they_lie_in_the_spectrogram():
    """At stride 12 the third patch starts at mel bin 24: 2.4 patches of stride 10 up."""
    old = network.configure(entry((10, 10)), 3, 1024)
    new = network.configure(entry((12, 10)), 3, 512)
    rows, columns = start._between(old, new)

    assert rows.tolist() == pytest.approx([1.2 * number for number in range(10)])
    assert columns.tolist() == list(range(50))


@pytest.mark.parametrize("strides", [(10, 10), (12, 10), (12, 12), (16, 16)])
@pytest.mark.parametrize("frames", [64, 128, 256, 512])
@pytest.mark.parametrize("source", ["deit", "audio"])
def test_cropped_positions_are_those_of_the_published_code(request, source, frames, strides):
    """The middle of the checkpoint's grid; where it is too small, torch's own bilinear interpolation."""
    folder = request.getfixturevalue(source)
    init = {"from": {"deit": "imagenet", "audio": "audioset"}[source], "path": str(folder)}
    model, record = start.begin(entry(strides, **init, positions="cropped"), NAMES, frames)
    name = {"deit": "deit", "audio": "audio_spectrogram_transformer"}[source]
    theirs = load_file(folder / "model.safetensors")[f"{name}.embeddings.position_embeddings"]
    rows, columns = record["grid"]
    f, t = network.grid(model.config)
    grid = theirs[:, 2:].reshape(1, rows, columns, -1).permute(0, 3, 1, 2)
    if t <= columns:
        grid = grid[..., columns // 2 - t // 2 : columns // 2 - t // 2 + t]
    else:
        grid = torch.nn.functional.interpolate(grid, size=(rows, t), mode="bilinear")
    if f <= rows:
        grid = grid[:, :, rows // 2 - f // 2 : rows // 2 - f // 2 + f]
    else:
        grid = torch.nn.functional.interpolate(grid, size=(f, t), mode="bilinear")
    expected = torch.cat([theirs[:, :2], grid.flatten(2).transpose(1, 2)], dim=1)
    torch.testing.assert_close(positions(model), expected, rtol=0, atol=2e-6)
    assert record["positions"] == "cropped"


def test_interpolation_between_four_patches_is_bilinear():
    known = torch.tensor([7.0, 8.0, 0.0, 1.0, 2.0, 3.0]).reshape(1, 6, 1)
    found = start.interpolate(known, (2, 2), torch.tensor([0.5]), torch.tensor([0.0, 0.25, 1.0]))
    assert found.flatten().tolist() == [7, 8, 1, 1.25, 2]


def test_mistakes_are_told_in_one_line(deit, audio, tmp_path):
    def told(init: dict, **changes) -> str:
        with pytest.raises(UserError) as caught:
            start.begin(entry((10, 10), **init, **changes), NAMES, 128)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "sizes.layers is 3" in told({"from": "imagenet", "path": str(deit)}, sizes={**SIZES, "layers": 3})
    assert "type 'deit'" in told({"from": "audioset", "path": str(deit)})
    assert "type 'audio-spectrogram-transformer'" in told({"from": "imagenet", "path": str(audio)})
    assert "no folder" in told({"from": "imagenet", "path": str(tmp_path / "none")})
    assert "no multiple" in told({}, sizes={**SIZES, "heads": 3})

    tensors = load_file(audio / "model.safetensors")
    bias = "audio_spectrogram_transformer.layernorm.bias"
    for number, (change, word) in enumerate(
        [
            ({}, "lacks"),
            ({bias: torch.zeros(16), "extra": torch.zeros(1)}, "unknown tensor 'extra'"),
            ({bias: torch.zeros(5)}, "bias"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text((audio / "config.json").read_text())
        rest = {name: value for name, value in tensors.items() if name != bias}
        save_file({**rest, **change}, folder / "model.safetensors", {"format": "pt"})
        assert word in told({"from": "audioset", "path": str(folder)})
    (tmp_path / "0" / "model.safetensors").write_bytes(b"no weights")
    assert "missing or damaged" in told({"from": "audioset", "path": str(tmp_path / "0")})
    (tmp_path / "0" / "model.safetensors").unlink()
    assert "safetensors" in told({"from": "audioset", "path": str(tmp_path / "0")})
    (tmp_path / "0" / "config.json").write_text("{")
    assert "config.json is missing or damaged" in told({"from": "audioset", "path": str(tmp_path / "0")})


def test_sizes_a_checkpoint_leaves_out_are_a_base_models(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": ASTConfig.model_type}))
    with pytest.raises(UserError, match="sizes.hidden is 16, but .* has 768"):
        start.begin(entry(**{"from": "audioset", "path": str(tmp_path)}), NAMES, 128)
