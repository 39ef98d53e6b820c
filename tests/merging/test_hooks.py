"""Merging in the stock model."""

import copy
import threading
import warnings

import pytest
import torch
from ast_models import constant, spectrograms, tiny_ast
from torch.nn.parallel import DistributedDataParallel
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import (
    ASTAttention,
    ASTLayer,
)

from earmark.core.errors import UserError
from earmark.merging.attention import attend, widened
from earmark.merging.hooks import Merging
from earmark.merging.schedule import Schedule

TOKENS = 12 * 5 + 2


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_merging_nothing_is_the_stock_model_to_the_last_bit(attention: str, training: bool) -> None:
    model = tiny_ast(attention=attention, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.1).train(
        training
    )
    torch.manual_seed(1)
    stock = model(spectrograms()).logits
    with Merging(model, constant(0), trace=True) as merging:
        torch.manual_seed(1)
        assert torch.equal(model(spectrograms()).logits, stock)
    assert merging.sizes is not None and merging.sizes.tolist() == [[1.0] * TOKENS] * 2
    assert merging.source is not None and torch.equal(merging.source[0], torch.arange(TOKENS))


def test_taken_off_the_model_is_the_stock_one() -> None:
    model = tiny_ast()
    before = model(spectrograms()).logits
    attributes = {name: set(vars(module)) for name, module in model.named_modules()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    merging = Merging(model, constant(8)).apply()
    assert list(model.state_dict()) == list(weights)
    assert not torch.equal(model(spectrograms()).logits, before)
    merging.remove()
    merging.remove()
    assert torch.equal(model(spectrograms()).logits, before)
    assert {name: set(vars(module)) for name, module in model.named_modules()} == attributes
    for layer in model.audio_spectrogram_transformer.layers:
        assert type(layer) is ASTLayer and type(layer.attention) is ASTAttention
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_an_exception_takes_it_off() -> None:
    model = tiny_ast()
    with pytest.raises(ZeroDivisionError), Merging(model, constant(8)):
        raise ZeroDivisionError
    assert type(model.audio_spectrogram_transformer.layers[0]) is ASTLayer


def test_merging_twice_is_refused() -> None:
    model = tiny_ast()
    with Merging(model, constant(8)), pytest.raises(UserError, match="already applied"):
        Merging(model, constant(4)).apply()


def test_sizes_sum_to_the_tokens_and_the_trace_is_a_partition() -> None:
    model = tiny_ast()
    with Merging(model, Schedule("own", listed=(20, 0, 9)), trace=True) as merging:
        model(spectrograms(3))
    assert merging.sizes is not None and merging.source is not None and merging.clamped is not None
    assert merging.clamped.tokens == [62, 42, 42, 33]
    assert merging.sizes.sum(1).tolist() == [62] * 3
    for sizes, source in zip(merging.sizes, merging.source, strict=True):
        # each patch ends in one token, and a token is as large as the number of them
        assert source.bincount(minlength=33).tolist() == sizes.tolist()
        assert source[:2].tolist() == [0, 1]
        assert sizes[:2].tolist() == [1, 1]


@pytest.mark.parametrize(("attention", "tolerance"), [("sdpa", 1e-12), ("eager", 1e-6)])  # softmax in single
def test_proportional_attention_is_attention_over_repeated_keys(attention: str, tolerance: float) -> None:
    # given queries, keys and values of merged tokens, in double precision
    module = tiny_ast(attention=attention).audio_spectrogram_transformer.layers[0].attention
    query, key, value = (torch.randn(2, 4, 9, 8, dtype=torch.float64) for _ in range(3))
    sizes = torch.randint(1, 6, (2, 9)).double()
    result = attend(module, query, key, value, sizes)[0]
    for row in range(2):
        # when each key and value is repeated as often as its token has patches
        times = sizes[row].long()
        keys, values = (x[row].repeat_interleave(times, dim=1) for x in (key, value))
        shares = (query[row] @ keys.transpose(1, 2) * module.scaling).softmax(-1)
        # then plain attention gives the same
        torch.testing.assert_close(
            result[row], (shares @ values).transpose(0, 1), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 3e-2)]
)
def test_sizes_as_channels_are_sizes_as_a_mask(dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = (torch.randn(2, 4, 9, 8, dtype=torch.float64).to(dtype) for _ in range(3))
    sizes = torch.randint(1, 1200, (2, 9)).to(torch.promote_types(dtype, torch.float32))
    channels = torch.nn.functional.scaled_dot_product_attention(
        *widened(query, key, value, sizes, 0.35), scale=0.35
    )
    exact = (query.double(), key.double(), value.double())
    mask = torch.nn.functional.scaled_dot_product_attention(
        *exact, attn_mask=sizes.double().log()[:, None, None], scale=0.35
    )
    torch.testing.assert_close(channels[..., :8].double(), mask, rtol=tolerance, atol=tolerance)
    assert channels[..., 8:].abs().max() == 0


def test_a_model_with_sizes_as_channels_is_the_one_with_a_mask(monkeypatch) -> None:
    model = tiny_ast().double()
    logits = []
    for way in ("mask", "channels"):
        monkeypatch.setattr("earmark.merging.attention.sizes_as", lambda module, device, way=way: way)
        with Merging(model, constant(8)):
            logits.append(model(spectrograms().double()).logits)
    torch.testing.assert_close(*logits, rtol=1e-10, atol=1e-10)


def test_merging_without_proportion_is_another_model() -> None:
    model = tiny_ast()
    logits = []
    for proportional in (True, False):
        with Merging(model, constant(8), proportional=proportional):
            logits.append(model(spectrograms()).logits)
    assert not torch.allclose(*logits, atol=1e-4)


def test_a_merged_model_equals_a_loop_over_its_layers() -> None:
    """Against the layers' own modules, with keys repeated in attention: nothing of the hooks is used."""
    from merging_loop import average, merged

    model = tiny_ast().double()
    x = spectrograms().double()
    with Merging(model, Schedule("own", listed=(7, 12, 3))):
        logits = model(x).logits
    body = model.audio_spectrogram_transformer
    with torch.no_grad():
        for row in range(2):
            hidden = body.embeddings(x[row : row + 1])[0]
            sizes = [1.0] * TOKENS
            for layer, r in zip(body.layers, (7, 12, 3), strict=True):
                attention, normed = layer.attention, layer.layernorm_before(hidden)
                times = torch.tensor(sizes).long()
                query, key, value = (
                    p(normed).view(-1, 4, 8).transpose(0, 1)
                    for p in (attention.q_proj, attention.k_proj, attention.v_proj)
                )
                scores = query @ key.repeat_interleave(times, 1).transpose(1, 2) / 8**0.5
                mixed = scores.softmax(-1) @ value.repeat_interleave(times, 1)
                hidden = hidden + attention.o_proj(mixed.transpose(0, 1).flatten(1))
                means, sizes = average(merged(key.mean(0).tolist(), r, 2), hidden.tolist(), sizes)
                hidden = torch.tensor(means, dtype=torch.float64)
                hidden = hidden + layer.mlp(layer.layernorm_after(hidden))
            expected = model.classifier(body.layernorm(hidden)[:2].mean(0))
            torch.testing.assert_close(logits[row], expected, rtol=1e-9, atol=1e-9)


def test_a_clip_is_answered_the_same_alone_and_in_a_batch() -> None:
    model, x = tiny_ast().double(), spectrograms(4).double()
    with Merging(model, constant(12)):
        together = model(x).logits
        for row in range(4):
            torch.testing.assert_close(
                model(x[row : row + 1]).logits[0], together[row], rtol=1e-10, atol=1e-10
            )


def test_the_clamp_is_warned_of_once_and_recorded() -> None:
    model = tiny_ast()
    with Merging(model, constant(24)) as merging:
        with pytest.warns(UserWarning, match="r24 on 62 tokens: layers 1, 2 merge"):
            model(spectrograms())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model(spectrograms())
    assert merging.clamped is not None
    assert merging.clamped.asked == [24, 24, 24]
    assert merging.clamped.merged == [24, 18, 9]
    assert merging.clamped.tokens == [62, 38, 20, 11]


def test_gradients_are_those_of_finite_differences() -> None:
    # given a small model in double precision, far from a tie
    model = tiny_ast(layers=2).double()
    x, labels = spectrograms().double(), torch.tensor([[1.0, 0, 0, 1, 0], [0, 0, 1, 0, 0]]).double()
    with Merging(model, constant(10)):

        def loss() -> torch.Tensor:
            return torch.nn.functional.binary_cross_entropy_with_logits(model(x).logits, labels)

        loss().backward()
        for name, weight in model.named_parameters():
            # when a weight of each is moved a little both ways
            assert weight.grad is not None, name
            place = int(weight.grad.abs().argmax())
            flat, step = weight.data.view(-1), 1e-6
            with torch.no_grad():
                flat[place] += step
                above = loss()
                flat[place] -= 2 * step
                below = loss()
                flat[place] += step
            # then the loss changes as its gradient says
            slope = float((above - below) / (2 * step))
            assert slope == pytest.approx(float(weight.grad.view(-1)[place]), rel=1e-5, abs=1e-9), name


def test_training_with_dropout_learns() -> None:
    model = tiny_ast(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1).train()
    x, labels = spectrograms(4), torch.tensor([0, 1, 2, 3])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    torch.manual_seed(0)
    with Merging(model, constant(10)):
        for _ in range(25):
            loss = torch.nn.functional.cross_entropy(model(x).logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.2 < losses[0]


def test_checkpointed_gradients_are_the_same() -> None:
    gradients = []
    for checkpointing in (False, True):
        model = tiny_ast().train()
        if checkpointing:
            model.activation_checkpointing_enable()
        with Merging(model, constant(9)):
            model(spectrograms()).logits.square().sum().backward()
        gradients.append([weight.grad for weight in model.parameters()])
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_under_autocast_logits_stay_near_and_sizes_whole() -> None:
    model = tiny_ast()
    with Merging(model, constant(9)) as merging:
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(spectrograms()).logits
        assert merging.sizes is not None and merging.sizes.sum(1).tolist() == [TOKENS] * 2
        assert torch.isfinite(logits).all()


def test_threads_on_one_model_do_not_meet() -> None:
    model, batches = tiny_ast(), [spectrograms(rows) for rows in (1, 2, 3, 4)]
    with Merging(model, constant(9)), torch.inference_mode():
        expected = [model(batch).logits for batch in batches]
        found: list[list[torch.Tensor]] = [[] for _ in batches]

        def work(number: int) -> None:
            with torch.inference_mode():
                found[number] = [model(batches[number]).logits for _ in range(20)]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for answers, once in zip(found, expected, strict=True):
        assert len(answers) == 20
        assert all(torch.equal(answer, once) for answer in answers)


def test_in_distributed_training_gradients_are_those_without(tmp_path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        gradients = []
        for distributed in (False, True):
            model = tiny_ast().train()
            with Merging(model, constant(9)):
                wrapped = DistributedDataParallel(model) if distributed else model
                wrapped(spectrograms()).logits.square().sum().backward()
            gradients.append([weight.grad for weight in model.parameters()])
        for alone, shared in zip(*gradients, strict=True):
            torch.testing.assert_close(alone, shared)
    finally:
        torch.distributed.destroy_process_group()


def test_a_copy_of_a_merging_model_merges_on_its_own() -> None:
    model = tiny_ast()
    with Merging(model, constant(9)):
        merged = model(spectrograms()).logits
        other = copy.deepcopy(model)
    assert torch.equal(other(spectrograms()).logits, merged)
    assert not torch.equal(model(spectrograms()).logits, merged)


def test_a_merging_model_is_saved_as_the_stock_one(tmp_path) -> None:
    model = tiny_ast()
    stock = model(spectrograms()).logits
    with Merging(model, constant(9)):
        model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    assert torch.equal(again(spectrograms()).logits, stock)


def test_hidden_states_and_weights_can_still_be_asked_for() -> None:
    model = tiny_ast(attention="eager")
    with Merging(model, constant(10)):
        out = model(spectrograms(), output_hidden_states=True, output_attentions=True)
    assert [states.shape[1] for states in out.hidden_states] == [62, 52, 42, 32]
    assert [weights.shape[-1] for weights in out.attentions] == [62, 52, 42]


def test_a_padding_mask_is_refused() -> None:
    model = tiny_ast()
    with Merging(model, constant(10)), pytest.raises(UserError, match="attention_mask"):
        model(spectrograms(), attention_mask=torch.ones(2, TOKENS).tril())
