"""Adapters: the published numbers of weights, no effect at the start, and a merge that changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from earmark.core.errors import UserError
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.adapters.dora import DoRA
from earmark.systems.separation.adapters.film import FilmOnly
from earmark.systems.separation.adapters.lora import LoRA
from earmark.systems.separation.adapters.reconv import Reconv, scale
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import audiosep, dplass

from .conftest import SMALL, drawn

KINDS = [Reconv(), Reconv(["middle", "decoders.0"]), DoRA(), LoRA(), FilmOnly()]
SCALES = {
    "encoders.0": 0.0278,
    "encoders.1": 0.0556,
    "encoders.2": 0.111,
    "encoders.3": 0.222,
    "encoders.4": 0.333,
    "encoders.5": 0.444,
    "middle": 0.444,
    "decoders.0": 0.444,
    "decoders.1": 0.444,
    "decoders.2": 0.333,
    "decoders.3": 0.222,
    "decoders.4": 0.111,
    "decoders.5": 0.0556,
}


def adapted(kind, batch_norm="frozen") -> Adapted:
    return Adapted(drawn(SMALL), kind, batch_norm).eval()


def given() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return 0.1 * torch.randn(2, 8_000), torch.randn(2, 8)


def moved(model: Adapted) -> Adapted:
    """Give every trained weight another value, as a training would."""
    draw = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for weight in model.trained():
            weight.add_(0.3 * torch.randn(weight.shape, generator=draw))
    return model


@pytest.mark.parametrize(
    ("kind", "weights"),
    [(Reconv(), 19_012_608), (DoRA(), 268_416), (LoRA(), 262_656), (FilmOnly(), 5_056_128)],
)
def test_the_published_kinds_train_the_published_numbers_of_weights(kind, weights) -> None:
    model = Adapted(ResUNet(), kind)
    assert sum(weight.numel() for weight in model.trained()) == weights
    if not isinstance(kind, FilmOnly):
        assert len(list(kind.targets(ResUNet()))) == 26


def test_the_scales_of_reconv_are_the_published_ones(published) -> None:
    assert {block: round(scale(published, block), 4) for block in SCALES} == pytest.approx(SCALES, abs=6e-4)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_before_training_an_adapter_changes_nothing(kind, small) -> None:
    mixture, condition = given()
    with torch.inference_mode():
        assert torch.allclose(adapted(kind)(mixture, condition), small(mixture, condition), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("batch_norm", ["frozen", "update"])
def test_merged_equals_unmerged_and_another_network_takes_the_saved_adapter_alone(kind, batch_norm) -> None:
    mixture, condition = given()
    model = moved(adapted(kind, batch_norm))
    if batch_norm == "update":
        model.train()(mixture, condition)
        model.eval()
    plain = ResUNet(SMALL).eval()
    plain.load_state_dict(model.merged())
    again = adapted(kind, batch_norm)
    again.load(model.state(), "adapter")

    with torch.inference_mode():
        expected = model(mixture, condition)
        assert torch.allclose(plain(mixture, condition), expected, atol=1e-6)
        assert torch.equal(again(mixture, condition), expected)
        before = drawn(SMALL)(mixture, condition)
    assert (expected - before).abs().max() > 2e-5, "the adapter does something"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_training_reaches_the_adapter_and_nothing_else(kind) -> None:
    mixture, condition = given()
    model = moved(adapted(kind)).train()
    frozen = {n: v.clone() for n, v in model.model.named_buffers()}

    model(mixture, condition).square().sum().backward()

    # nothing reads the decoders' second FiLM layer, in the public network as here
    read = [w for n, w in model.named_parameters() if w.requires_grad and "unused_film" not in n]
    assert all(weight.grad is not None and weight.grad.any() for weight in read)
    assert all(w.grad is None for w in model.parameters() if not w.requires_grad)
    assert all(torch.equal(v, frozen[n]) for n, v in model.model.named_buffers()), "statistics are frozen"


def test_updated_statistics_are_saved_with_the_adapter() -> None:
    mixture, condition = given()
    model = adapted(LoRA(), "update").train()
    model(mixture, condition)
    saved = model.state()
    assert saved["norm.running_mean"].equal(model.model.norm.running_mean)
    assert not saved["norm.running_mean"].equal(drawn(SMALL).norm.running_mean)
    assert not any("running" in name for name in adapted(LoRA()).state())


def test_an_adapter_of_another_kind_or_an_unknown_block_is_named() -> None:
    with pytest.raises(UserError, match="of another kind of adapter"):
        adapted(DoRA()).load(adapted(LoRA()).state(), "x")
    with pytest.raises(UserError, match=r"unknown block 'decoder\.0'; did you mean 'decoders\.0'"):
        Adapted(ResUNet(SMALL), Reconv(["decoder.0"]))


def upstream(model: ResUNet) -> dict[str, torch.Tensor]:
    """What DP-LASS saves: AudioSep's names, every 3x3 convolution wrapped, transforms and statistics along."""
    draw, found = torch.Generator().manual_seed(4), {}
    for name, value in audiosep.exported(model)["state_dict"].items():
        name = "model." + name.removeprefix("ss_model.")
        if value.shape[-2:] == (3, 3):
            found[name.replace(".weight", ".conv.weight")] = value
            found[name.replace(".weight", ".lora_adapter.weight")] = torch.randn(value.shape, generator=draw)
        else:
            found[name] = value
    fixed = (
        "stft.conv_real.weight",
        "stft.conv_imag.weight",
        "istft.conv_real.weight",
        "istft.conv_imag.weight",
    )
    return found | {f"model.base.{name}": torch.zeros(1) for name in (*fixed, "istft.ola_window")}


class Wrapped(nn.Module):
    """DP-LASS's convolution: two of one shape, the second one times a constant."""

    def __init__(self, frozen: torch.Tensor, added: torch.Tensor, factor: float) -> None:
        super().__init__()
        self.frozen, self.added, self.factor = frozen, added, factor
        self.weight = frozen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = [nn.functional.conv2d(x, weight, padding=1) for weight in (self.frozen, self.added)]
        return both[0] + self.factor * both[1]


def test_a_file_of_dp_lass_has_358_tensors_and_gives_its_network(published, tmp_path) -> None:
    tensors = upstream(published)
    assert len(tensors) == 358
    torch.save({"dora_state_dict": tensors}, tmp_path / "cluster0_model.pt")
    made = ResUNet().eval()

    added = dplass.load(made, tmp_path / "cluster0_model.pt")

    expected = copy_of(published)
    for name, layer in list(expected.named_modules()):
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            parent, _, leaf = name.rpartition(".")
            block = next(block for block in SCALES if name.startswith(f"{block}."))
            factor = round(36 * SCALES[block]) / 36
            wrapped = Wrapped(layer.weight.detach(), added[f"{name}.delta"], factor)
            setattr(expected.get_submodule(parent), leaf, wrapped)
    mixture, condition = 0.1 * torch.randn(1, 3_000), torch.randn(1, 512)
    with torch.inference_mode():
        found, wanted = made(mixture, condition), expected(mixture, condition)
    assert len(added) == 26
    assert torch.allclose(found, wanted, atol=1e-5)


def copy_of(model: ResUNet) -> ResUNet:
    made = ResUNet(model.sizes).eval()
    made.load_state_dict(model.state_dict())
    return made


def test_a_file_without_adapters_is_refused(published, tmp_path) -> None:
    torch.save({"dora_state_dict": audiosep.exported(published)["state_dict"]}, tmp_path / "x.pt")
    with pytest.raises(UserError, match="holds no adapters"):
        dplass.load(ResUNet(SMALL), tmp_path / "x.pt")
    torch.save({"state_dict": {}}, tmp_path / "x.pt")
    with pytest.raises(UserError, match="has no dora_state_dict"):
        dplass.load(ResUNet(SMALL), tmp_path / "x.pt")


def test_a_file_of_dp_lass_becomes_an_adapter_of_its_network_and_of_no_other(small, tmp_path) -> None:
    path = tmp_path / "cluster0_model.pt"
    tensors = upstream(small)
    tensors["model.base.bn0.running_mean"] = torch.full((1025,), 0.3)
    torch.save({"dora_state_dict": tensors}, path)
    model = Adapted(copy_of(small), Reconv(), "update")

    model.load(dplass.adapter(small, path), path)

    expected = ResUNet(SMALL).eval()
    dplass.load(expected, path)
    merged = model.merged()
    assert all(
        torch.allclose(merged[name], value, atol=1e-6) for name, value in expected.state_dict().items()
    )
    other = copy_of(small)
    with torch.no_grad():
        other.stem.bias += 1
    with pytest.raises(UserError, match="trained on another network: 'stem.bias' differs"):
        dplass.adapter(other, path)
