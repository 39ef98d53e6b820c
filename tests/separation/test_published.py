"""AudioSep's checkpoints: what loads, what is refused, and that writing one back changes no bit."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.core.errors import UserError
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import audiosep

from .conftest import SMALL

FIXED = {
    "base.stft.conv_real.weight": (1025, 1, 2048),
    "base.stft.conv_imag.weight": (1025, 1, 2048),
    "base.istft.conv_real.weight": (2048, 2048, 1),
    "base.istft.conv_imag.weight": (2048, 2048, 1),
    "base.istft.ola_window": (2048,),
}


def saved(tensors: dict, path: Path, **more) -> Path:
    torch.save({"state_dict": tensors, "epoch": 3, "pytorch-lightning_version": "2.0.0", **more}, path)
    return path


@pytest.fixture
def tensors(small) -> dict[str, torch.Tensor]:
    """What a Lightning checkpoint of the small network holds, its frozen text encoder among it."""
    state = audiosep.exported(small)["state_dict"]
    state |= {f"ss_model.{name}": torch.zeros(2) for name in FIXED}
    return state | {"query_encoder.model.text_branch.embeddings.word_embeddings.weight": torch.zeros(2, 2)}


def loaded(path: Path) -> ResUNet:
    model = ResUNet(SMALL)
    audiosep.load(model, path)
    return model


def test_a_published_checkpoint_has_332_tensors_of_which_five_are_fixed(published) -> None:
    state = audiosep.exported(published)["state_dict"]
    assert len(state) + len(FIXED) == 332
    fixed = sum(torch.Size(shape).numel() for shape in FIXED.values())
    assert sum(value.numel() for value in state.values()) + fixed == 39_058_798
    assert "ss_model.film.decoder_block3->conv_block2->beta1.weight" in state
    assert state["ss_model.film.encoder_block1->conv_block1->beta1.weight"].shape == (32, 512)
    assert state["ss_model.film.conv_block7a->conv_block1->beta2.weight"].shape == (384, 512)
    assert state["ss_model.film.decoder_block3->conv_block2->beta1.weight"].shape == (512, 512)


@pytest.mark.parametrize("prefix", ["ss_model.", ""])
def test_what_is_read_and_written_back_is_the_same_bit_by_bit(small, tensors, tmp_path, prefix) -> None:
    named = {name.replace("ss_model.", prefix): value for name, value in tensors.items()}

    model = loaded(saved(named, tmp_path / "audiosep.ckpt", optimizer_states=[{"lr": 1e-3}]))

    back = audiosep.exported(model)["state_dict"]
    assert back.keys() == audiosep.exported(small)["state_dict"].keys()
    assert all(torch.equal(value, tensors[name]) for name, value in back.items())


def test_a_bare_state_dict_loads_too(small, tmp_path) -> None:
    torch.save(audiosep.exported(small)["state_dict"], tmp_path / "audiosep.pt")
    state = loaded(tmp_path / "audiosep.pt").state_dict()
    assert all(torch.equal(value, state[name]) for name, value in small.state_dict().items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("ss_model.base.bn0.weight"), r"lacks 'base.bn0.weight' \(1 tensors missing\)"),
        (lambda t: t.update({"ss_model.base.extra": torch.zeros(1)}), "unknown tensor 'base.extra'"),
        (lambda t: t.update({"ss_model.other": torch.zeros(1)}), "unknown tensor 'other'"),
        (lambda t: t.update({"ss_model.base.bn0.bias": torch.zeros(3)}), r"'base.bn0.bias' is \[3\], expected \[1025\]"),
        (lambda t: t["ss_model.base.bn0.bias"].fill_(torch.nan), "'base.bn0.bias' is not finite"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tensors, tmp_path, change, said) -> None:
    change(tensors)
    with pytest.raises(UserError, match=said) as error:
        loaded(saved(tensors, tmp_path / "audiosep.ckpt"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_clap_s_file_in_place_of_the_model_is_recognised(tmp_path, prefix) -> None:
    path = saved({f"{prefix}text_branch.embeddings.position_ids": torch.zeros(1)}, tmp_path / "clap.pt")
    with pytest.raises(UserError, match="is CLAP's checkpoint, the query encoder"):
        loaded(path)


class Malicious:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


def test_nothing_in_a_file_is_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.ckpt").write_bytes(pickle.dumps({"state_dict": Malicious()}))
    with pytest.raises(UserError, match="nothing of it was run"):
        loaded(tmp_path / "bad.ckpt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({1: torch.zeros(1)}, "holds no weights by name"),
        ({"base.bn0.weight": torch.eye(3).to_sparse()}, "'base.bn0.weight' is no tensor of plain numbers"),
        ({"base.bn0.weight": torch.empty(3, device="meta")}, "is no tensor of plain numbers"),
    ],
)
def test_what_is_no_state_dict_of_plain_tensors_is_refused(tmp_path, content, said) -> None:
    torch.save({"state_dict": content}, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match=said):
        loaded(tmp_path / "x.ckpt")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_ends_in_one_line(small, tmp_path, zipped) -> None:
    path, draw = tmp_path / "x.ckpt", np.random.default_rng(0)
    torch.save(audiosep.exported(small), path, _use_new_zipfile_serialization=zipped)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        damaged[draw.integers(6000, size=8)] = draw.integers(256, size=8)
        path.write_bytes(damaged[: draw.integers(100, len(whole))].tobytes())
        with pytest.raises(UserError) as error:
            loaded(path)
        assert "\n" not in str(error.value)


def test_a_missing_file_says_what_to_fetch(tmp_path) -> None:
    with pytest.raises(UserError, match="is missing; fetch audiosep_base_4M_steps.ckpt"):
        loaded(tmp_path / "none.ckpt")
