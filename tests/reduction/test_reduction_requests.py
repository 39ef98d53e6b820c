"""Requests: what is asked for is what happens, or one line says what to ask instead."""

import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from every_method import FURTHER, METHODS
from reduction_models import LAYERS, inputs_for, tiny_model
from torch import nn

from earmark.core.errors import UserError
from earmark.reduction.budget import Budget
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import available, load


@pytest.mark.parametrize("ratio", [0, -0.5, 1.5, float("nan"), float("inf")])
def test_a_ratio_out_of_range_is_refused(ratio: float) -> None:
    with pytest.raises(UserError, match="keep_ratio"):
        TokenReduction(tiny_model("omni"), load("frame"), keep_ratio=ratio, layer=1)


@pytest.mark.parametrize("tokens", [0, -1, 2.5])
def test_a_number_of_tokens_out_of_range_is_refused(tokens: int) -> None:
    with pytest.raises(UserError, match="keep_tokens"):
        Budget(tokens=tokens)


@pytest.mark.parametrize("budget", [{}, {"keep_ratio": 0.5, "keep_tokens": 3}])
def test_a_budget_is_a_ratio_or_a_number(budget: dict[str, float]) -> None:
    with pytest.raises(UserError, match="keep_ratio or keep_tokens"):
        TokenReduction(tiny_model("omni"), load("dart"), layer=1, **budget)  # type: ignore[arg-type]


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_ratio_is_rounded_half_up_and_never_to_nothing(percent: int) -> None:
    for length in (1, 2, 7, 50, 99, 2250):
        exact = Decimal(percent) * length / 100
        expected = max(1, int(exact + Decimal("0.5")))
        assert Budget(ratio=percent / 100).of(length) == expected
    assert Budget(ratio=percent / 100).of(0) == 0


@pytest.mark.parametrize("layer", [-1, LAYERS, LAYERS + 3])
def test_a_layer_the_decoder_lacks_is_refused(layer: int) -> None:
    with pytest.raises(UserError, match=f"{LAYERS} layers"):
        TokenReduction(tiny_model("omni"), load("frame"), keep_ratio=0.5, layer=layer)


def test_fastv_at_layer_0_runs_at_layer_1_and_says_so() -> None:
    model = tiny_model("omni")
    with (
        torch.no_grad(),
        TokenReduction(model, load("fastv"), keep_ratio=0.5, layer=0) as reduction,
    ):
        model(**inputs_for("omni", "one"))
    (record,) = reduction.records
    assert (record.layer_requested, record.layer) == (0, 1)
    assert "fastv needs layer 1" in record.note


def test_a_record_tells_what_was_kept() -> None:
    model = tiny_model("omni")
    with (
        torch.no_grad(),
        TokenReduction(model, load("frame"), keep_ratio=0.3, layer=2) as reduction,
    ):
        reduction.expect(sample_ids=["clip-7"])
        model(**inputs_for("omni", "one"))
    (record,) = reduction.records
    assert (record.sample_id, record.method, record.note) == ("clip-7", "frame", "")
    assert (record.tokens_before, record.tokens_after, len(record.kept)) == (40, 12, 12)
    assert record.keep_ratio_effective == 0.3
    assert record.selection_s > 0 and record.gather_s > 0


def test_base_refuses_to_drop() -> None:
    with pytest.raises(UserError, match="keeps all"):
        TokenReduction(tiny_model("omni"), load("base"), keep_ratio=0.5, layer=1)
    with pytest.raises(UserError, match="keeps all"):
        TokenReduction(tiny_model("omni"), load("base"), keep_tokens=5, layer=1)


def test_reference_mode_needs_a_ratio() -> None:
    with pytest.raises(UserError, match="ratio"):
        TokenReduction(tiny_model("omni"), load("dart"), keep_tokens=5, layer=1, reference=True)


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(UserError, match="fastv"):
        load("fast_v")
    with pytest.raises(UserError, match="dart"):
        load("Dart")


@pytest.mark.parametrize("name", ["contract", "hooks", "loader", "..errors", "os"])
def test_a_module_that_is_no_method_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load(name)


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UserError, match="audio_pivots"):
        load("dart", {"audio_pivot": 3})


@pytest.mark.parametrize(
    "options",
    [{"audio_pivots": 0}, {"text_pivots": -1}, {"audio_pivots": "4"}, {"text_pivots": 1.5}],
)
def test_an_invalid_option_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match="dart"):
        load("dart", options)


WRONG = [
    ("samap", {"threshold": 7.0}, "samap: threshold=7.0: a cosine is between -1 and 1"),
    ("samap", {"threshold": float("nan")}, "threshold=nan"),
    ("samap", {"threshold": "high"}, "'high' must be of type float"),
    ("affinity", {"threshold": 2.0}, "affinity: threshold=2.0"),
    ("affinity", {"deep_layer": 9, "deep_threshold": 0.7}, "give both threshold and deep_threshold"),
    ("atome", {"threshold": -3.0}, "atome: threshold=-3.0"),
    ("visionzip", {"merge": "sum"}, "must be 'add' or 'mean'"),
    ("headrouter", {"prefilter": 3.0}, "set it between 0 and 1"),
    ("silence-first", {"floor_db": float("inf")}, "floor_db=inf"),
    ("average-pooling", {"factor": 2.5}, "must be of type int or null"),
    ("fastv-heads", {"queries": "all"}, "must be 'last' or 'text'"),
    ("divprune", {"window": 3}, "the method has no options"),
]


@pytest.mark.parametrize(("name", "options", "reason"), WRONG)
def test_a_wrong_option_ends_in_one_line(name: str, options: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError) as refused:
        load(name, options)
    assert reason in str(refused.value) and "\n" not in str(refused.value)


LICENCE = re.compile(
    r"Apache-2.0|MIT,|CC-BY|(no|No) public code|no code found|[Oo]f our own|its code, profiles"
)
SOURCE = re.compile(r"arXiv|Preprint|[Oo]f our own|\bcontrol\b|`ltbm.py`")


@pytest.mark.parametrize("name", available())
def test_a_methods_file_says_source_cost_and_the_licence_of_public_code(name: str) -> None:
    told = sys.modules[type(load(name)).__module__].__doc__ or ""
    assert SOURCE.search(told) and LICENCE.search(told) and re.search(r"\bCost:\s", told)


def test_the_methods_are_the_modules_that_define_one() -> None:
    assert available() == sorted({name for name, _ in METHODS + FURTHER})
    assert all(load(name).name == name for name in available())


def test_listing_and_loading_imports_no_other_method() -> None:
    import subprocess

    scripts = Path(__file__).parents[2] / "scripts"
    code = (
        "import sys; from earmark.reduction.loader import available, load; available(); "
        "load('frame'); import earmark.reduction as r; "
        "print([m for m in sys.modules if m.startswith('earmark.reduction.')])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True
    )
    assert "frame" in out.stdout and "dart" not in out.stdout and "fastv" not in out.stdout


def test_right_padding_is_refused() -> None:
    inputs = {
        name: value.flip(1) if name in ("input_ids", "attention_mask") else value
        for name, value in inputs_for("omni", "padded").items()
    }
    with (
        TokenReduction(tiny_model("omni"), load("frame"), keep_ratio=0.5, layer=1),
        pytest.raises(UserError, match="left"),
    ):
        tiny_model("omni")(**inputs)


def test_embeddings_without_a_mask_are_refused() -> None:
    decoder = tiny_model("omni").model.language_model
    with (
        TokenReduction(decoder, load("frame"), keep_ratio=0.5, layer=1),
        pytest.raises(UserError, match="expect"),
    ):
        decoder(inputs_embeds=torch.randn(1, 9, 64))


def test_an_expectation_serves_one_prefill_only() -> None:
    decoder = tiny_model("omni").model.language_model
    with TokenReduction(decoder, load("frame"), keep_ratio=0.5, layer=1) as reduction:
        reduction.expect(audio_mask=torch.arange(9)[None] % 9 > 4)
        decoder(inputs_embeds=torch.randn(1, 9, 64))
        with pytest.raises(UserError, match="expect"):
            decoder(inputs_embeds=torch.randn(1, 9, 64))


@pytest.mark.parametrize(
    "expectation",
    [{"audio_mask": torch.ones(1, 5, dtype=torch.bool)}, {"sample_ids": ["a", "b"]}],
)
def test_an_expectation_of_another_shape_is_refused(expectation: dict[str, object]) -> None:
    model = tiny_model("omni")
    with TokenReduction(model, load("frame"), keep_ratio=0.5, layer=1) as reduction:
        reduction.expect(**expectation)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=r"audio mask|sample ids"):
            model(**inputs_for("omni", "one"))


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match="Linear"):
        TokenReduction(nn.Linear(2, 2), load("frame"), keep_ratio=0.5, layer=1)
