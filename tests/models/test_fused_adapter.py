"""The fused adapter computes what peft computes: results, gradients, and the same dropout."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from earmark.config.compose import Lora
from earmark.models.adapter import save_adapter, with_adapter
from earmark.models.fused_adapter import fuse


class Maps(nn.Module):
    """Two maps, one of them with a bias, which stays peft's."""

    def __init__(self):
        super().__init__()
        self.config = {"model_type": "maps"}
        self.first, self.second = nn.Linear(12, 20, bias=False), nn.Linear(20, 6)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def run(dropout, fused):
    torch.manual_seed(0)
    adapted = with_adapter(Maps(), Lora(rank=4, alpha=8, dropout=dropout, targets=["first", "second"]))
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    if fused:
        assert fuse(adapted) == 1
    adapted.train()
    x = torch.randn(3, 5, 12, requires_grad=True)
    torch.manual_seed(1)
    made = adapted.get_base_model()(x)
    made.square().sum().backward()
    grads = {name: weight.grad for name, weight in adapted.named_parameters() if weight.requires_grad}
    return [made, x.grad, *grads.values()], list(grads), set(adapted.state_dict())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_results_gradients_and_names_are_pefts(dropout):
    (theirs, names, stored), (ours, own_names, own_stored) = run(dropout, False), run(dropout, True)
    assert (names, stored) == (own_names, own_stored) and len(names) == 4
    for right, found in zip(theirs, ours, strict=True):
        assert torch.allclose(right, found, rtol=1e-5, atol=1e-6)


def test_equal_adapters_have_equal_files_whatever_the_order_of_a_set(tmp_path):
    targets = [f"layer{i}" for i in range(9)]
    maps = nn.ModuleDict({name: nn.Linear(4, 4) for name in targets})
    maps.config = {"model_type": "maps"}
    save_adapter(tmp_path, with_adapter(maps, Lora(rank=2, targets=targets[::-1])))
    assert json.loads((tmp_path / "adapter/adapter_config.json").read_text())["target_modules"] == targets
    assert sorted(each.name for each in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
