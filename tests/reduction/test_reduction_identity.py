"""Keeping everything changes nothing, and nothing stays behind."""

import copy
from functools import cache
from typing import Any

import pytest
import torch
from reduction_models import Told, generate, ids_for, inputs_for, tiny_model
from torch import Tensor

from earmark.reduction.contract import Reducer


@cache
def untouched(family: str, attention: str, case: str) -> tuple[Tensor, Tensor]:
    return generate(tiny_model(family, attention), inputs_for(family, case), 12)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("case", ["one", "padded"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["omni", "qwen2audio"])
def test_keep_all_equals_the_untouched_model(
    method: Reducer, family: str, attention: str, case: str, layer: int
) -> None:
    # given what the model says by itself
    tokens, logits = untouched(family, attention, case)
    model = tiny_model(family, attention)
    assert len(set(tokens[0].tolist())) > 4, "a model that repeats itself proves nothing"
    # when every token goes through choosing and gathering
    with Told(model, method, keep_ratio=1.0, layer=layer) as reduction:
        reduction.expect(sample_ids=ids_for(case))
        same_tokens, same_logits = generate(model, inputs_for(family, case), 12)
    # then not a bit differs
    assert torch.equal(tokens, same_tokens)
    assert torch.equal(logits, same_logits)
    assert all(r.tokens_before == r.tokens_after > 0 for r in reduction.records)


def test_keep_all_equals_the_untouched_model_at_every_position_without_a_cache(
    method: Reducer,
) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "padded")
    with torch.no_grad():
        expected = model(**inputs, use_cache=False).logits
        with Told(model, method, keep_ratio=1.0, layer=2):
            logits = model(**inputs, use_cache=False).logits
    assert torch.equal(expected, logits)


def test_keep_all_equals_the_untouched_model_in_bfloat16(method: Reducer) -> None:
    model = copy.deepcopy(tiny_model("omni")).to(torch.bfloat16)
    inputs = inputs_for("omni", "padded")
    inputs["input_features"] = inputs["input_features"].bfloat16()
    _, expected = generate(model, inputs, 4)
    with Told(model, method, keep_ratio=1.0, layer=2):
        _, logits = generate(model, inputs, 4)
    assert torch.equal(expected, logits)


def test_a_text_only_prompt_is_left_alone(method: Reducer) -> None:
    model, ids = tiny_model("omni"), torch.arange(1, 20)[None]
    with torch.no_grad():
        expected = model(ids).logits
        with Told(model, method, keep_ratio=1.0, layer=1) as reduction:
            logits = model(ids).logits
    assert torch.equal(expected, logits)
    assert reduction.records[0].tokens_before == reduction.records[0].tokens_after == 0


def count_hooks(model: Any) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.modules())


def test_after_an_exception_the_model_is_as_before(method: Reducer) -> None:
    # given the model's answer
    model, inputs = tiny_model("omni"), inputs_for("omni", "padded")
    _, expected = generate(model, inputs, 3)
    # when the last layer fails in the middle of a prefill
    failing = model.model.language_model.layers[-1].register_forward_pre_hook(lambda module, args: 1 / 0)
    with (
        pytest.raises(ZeroDivisionError),
        Told(model, method, keep_ratio=1.0, layer=1),
    ):
        model(**inputs)
    failing.remove()
    # then no hook is left and the answer is the same
    assert count_hooks(model) == 0
    assert torch.equal(expected, generate(model, inputs, 3)[1])


def test_a_failed_prefill_does_not_spoil_the_next(dropping_method: Reducer) -> None:
    model, inputs = tiny_model("omni"), inputs_for("omni", "one")
    with Told(model, dropping_method, keep_ratio=0.5, layer=1):
        _, expected = generate(model, inputs, 3)
        failing = model.model.language_model.layers[1].register_forward_pre_hook(
            lambda module, args: 1 / 0, prepend=True
        )
        with pytest.raises(ZeroDivisionError):
            model(**inputs_for("omni", "padded"))
        failing.remove()
        assert torch.equal(expected, generate(model, inputs, 3)[1])


def test_layers_before_the_reduction_see_their_untouched_input(dropping_method: Reducer) -> None:
    # given what enters layers 0 to 2 of the untouched model
    model, inputs, seen = tiny_model("omni"), inputs_for("omni", "one"), []
    layers = model.model.language_model.layers
    hooks = [
        layer.register_forward_pre_hook(lambda module, args: seen.append(args[0])) for layer in layers[:3]
    ]
    with torch.no_grad():
        model(**inputs)
        # when tokens are dropped before layer 2
        with Told(model, dropping_method, keep_ratio=0.2, layer=2):
            model(**inputs)
    for hook in hooks:
        hook.remove()
    # then layers 0 and 1 notice nothing, and layer 2 was called on what entered it before too
    assert torch.equal(seen[0], seen[3]) and torch.equal(seen[1], seen[4])
    assert torch.equal(seen[2], seen[5])
