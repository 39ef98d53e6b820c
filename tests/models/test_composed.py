"""A composed model: projector, prompts, saving, and answers that no batch or cache changes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, DynamicCache

from earmark.config.load import Load
from earmark.core.errors import UserError
from earmark.models import composed as code
from earmark.models.checkpoint import Checkpoint
from earmark.models.contract import MARKS
from earmark.models.families import family
from earmark.models.padding import left_padded
from earmark.models.projector import Projector, Shape
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import load
from earmark.training.composing import adapter_files

ENTRY = {"projector": {"pool": 1, "stack": 2}}


@pytest.fixture(scope="module")
def decoder(composed) -> code.Decoder:
    return code.Decoder(composed, "cpu", "float32", "sdpa")


def states(positions: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(positions, 32, generator=torch.Generator().manual_seed(seed))


def prompt(
    decoder: code.Decoder, lengths: list[int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embeddings, mask, positions and audio mask of prompts with so many stored states each."""
    audio = [decoder.project(states(n, n)) for n in lengths]
    rows = [decoder.prompt_ids("rain?" * (1 + i), None, len(a)) for i, a in enumerate(audio)]
    table, mask, positions = left_padded(rows, decoder.pad_id, decoder.device)
    return decoder.embed(table, audio), mask, positions, table == decoder.audio_id


def test_stacking_lays_states_side_by_side_and_pooling_averages_them():
    plain = Projector(Shape(pool=1, stack=3), 4, 8).stacked(torch.arange(28.0).reshape(7, 4))
    assert torch.equal(plain, torch.arange(24.0).reshape(2, 12))
    pooled = Projector(Shape(pool=2, stack=2), 1, 8).stacked(torch.tensor([[0.0], [2], [4], [8], [9]]))
    assert torch.equal(pooled, torch.tensor([[1.0, 6.0]]))


def test_audio_shorter_than_a_token_is_one_token():
    assert Projector(Shape(stack=5), 4, 8)(torch.ones(2, 4)).shape == (1, 8)


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_projector_normalises_by_what_it_was_fitted_on(kind):
    projector = Projector(Shape(kind=kind, stack=1), 4, 8)
    seen = torch.randn(100, 4) * 7 + 3
    projector.fit([seen[:60], seen[60:]])
    stacked = projector.stacked(seen)
    assert stacked.mean(0).abs().max() < 1e-5 and (stacked.std(0) - 1).abs().max() < 1e-5


def test_what_the_entry_stacks_decides_how_the_model_hears():
    audio = family("composed").hears(Shape(stack=5))
    assert (audio.tokens_per_second, audio.positions_per_second, audio.window_s) == (10, 50, 30)


def test_a_prompt_is_audio_then_text_and_its_special_tokens_stay_text(decoder):
    ids = decoder.prompt_ids("<|AUDIO|> rain", None, 3)
    assert ids[:3] == [decoder.audio_id] * 3 and decoder.audio_id not in ids[3:]
    assert decoder.raw_ids(f"a {MARKS.audio} b", 2).count(decoder.audio_id) == 2


@torch.inference_mode()
def test_the_decoder_gives_the_logits_of_the_plain_language_model(decoder, causal_lm):
    own = AutoModelForCausalLM.from_pretrained(causal_lm.folder)
    embeddings, mask, positions, _ = prompt(decoder, [9])
    logits = decoder.forward(embeddings, mask, positions, DynamicCache(config=decoder.model.config))
    assert torch.equal(logits, own(inputs_embeds=embeddings, logits_to_keep=1).logits[:, -1])


@torch.inference_mode()
def test_the_encoder_gives_the_projector_what_feature_files_hold(composed, decoder):
    encoder = code.Encoder(composed, "cpu", "float32")
    own = encoder._own
    mel = encoder.mel(np.random.default_rng(0).standard_normal(16_000).astype(np.float32))
    (found,) = encoder.states([mel], ["encoder.1", "encoder", "projector"])
    assert [len(found[name]) for name in ("encoder.1", "encoder", "projector")] == [50, 25, 25]
    assert torch.equal(found["projector"], decoder.project(own.encode([mel])[0]))


@pytest.mark.parametrize("method", ["dart", "fastv", "random", "frame"])
@torch.inference_mode()
def test_a_row_of_a_ragged_batch_is_pruned_and_answered_as_alone(decoder, method):
    lengths = [40, 24, 31]

    def answered(rows: list[int]) -> torch.Tensor:
        embeddings, mask, positions, audio = prompt(decoder, lengths)
        width = int(mask[rows].sum(1).max())
        embeddings, mask, positions, audio = (
            each[rows, -width:] for each in (embeddings, mask, positions, audio)
        )
        cache = DynamicCache(config=decoder.model.config)
        with TokenReduction(decoder.model, load(method), keep_ratio=0.5, layer=1) as hooks:
            hooks.expect(audio, [str(row) for row in rows])
            token = decoder.forward(embeddings, mask, positions, cache)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            step = decoder.model.embed_tokens(token.argmax(-1)[:, None])
            return decoder.forward(step, mask, positions[:, -1:] + 1, cache)

    together = answered([0, 1, 2])
    for row in range(3):
        torch.testing.assert_close(together[row], answered([row])[0], atol=2e-5, rtol=0)


@torch.inference_mode()
def test_keep_all_equals_the_untouched_model(decoder):
    embeddings, mask, positions, audio = prompt(decoder, [40, 24])
    plain = decoder.forward(embeddings, mask, positions, DynamicCache(config=decoder.model.config))
    for method in ("dart", "fastv", "random", "frame"):
        with TokenReduction(decoder.model, load(method), keep_ratio=1.0, layer=1) as hooks:
            hooks.expect(audio, ["a", "b"])
            kept = decoder.forward(embeddings, mask, positions, DynamicCache(config=decoder.model.config))
        assert torch.equal(kept, plain)


@pytest.mark.parametrize("method", ["dart", "fastv", "random", "frame"])
@torch.inference_mode()
def test_the_first_token_of_a_prompt_stays_within_the_budget(decoder, method):
    for ratio in (0.5, 0.1, 0.02):
        embeddings, mask, positions, audio = prompt(decoder, [80, 44])
        with TokenReduction(decoder.model, load(method), keep_ratio=ratio, layer=1) as hooks:
            hooks.expect(audio, ["a", "b"])
            decoder.forward(embeddings, mask, positions, DynamicCache(config=decoder.model.config))
        for record, tokens in zip(hooks.records, (40, 22), strict=True):
            assert record.kept[0] == 0 and len(set(record.kept.tolist())) == record.tokens_after
            assert (record.tokens_before, record.tokens_after) == (tokens, max(1, round(ratio * tokens)))


@torch.inference_mode()
def test_reference_may_drop_the_first_token_as_the_published_code_does(decoder):
    names = [str(number) for number in range(8)]
    embeddings, mask, positions, audio = prompt(decoder, [80] * 8)
    with TokenReduction(decoder.model, load("random"), keep_ratio=0.5, layer=1, reference=True) as hooks:
        hooks.expect(audio, names)
        decoder.forward(embeddings, mask, positions, DynamicCache(config=decoder.model.config))
    assert any(0 not in record.kept.tolist() for record in hooks.records)


@torch.inference_mode()
def test_an_adapter_is_added_to_the_weights_it_was_trained_on(composed, decoder, tmp_path):
    plain = code.Decoder(composed, "cpu", "float32", "sdpa")
    adapted = get_peft_model(plain.model, LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "up_proj"]))
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight)
    code.save(tmp_path, code.read_projector(composed), adapted)
    files = composed.content["files"] | adapter_files(tmp_path)
    made = Checkpoint(tmp_path, {**composed.content, "files": files})
    loaded = code.Decoder(made, "cpu", "float32", "sdpa")
    embeddings, mask, positions, _ = prompt(decoder, [20])
    expected = adapted(
        inputs_embeds=embeddings, attention_mask=mask, position_ids=positions
    ).last_hidden_state
    own = loaded.model(
        inputs_embeds=embeddings, attention_mask=mask, position_ids=positions
    ).last_hidden_state
    assert not any("lora" in name for name, _ in loaded.model.named_parameters())
    torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)
    layerwise = code.Decoder(made, "cpu", "float32", "sdpa", load=Load(mode="layerwise"))
    streamed = layerwise.model(inputs_embeds=embeddings, attention_mask=mask, position_ids=positions)
    assert torch.equal(streamed.last_hidden_state, own)
    first = code.Decoder(made, "cpu", "float32", "sdpa", layers=1, head=False).model.layers[0]
    assert torch.equal(first.self_attn.q_proj.weight, loaded.model.layers[0].self_attn.q_proj.weight)


@pytest.mark.parametrize("change", ["a flipped byte", "a file nobody recorded"])
def test_an_adapter_that_was_changed_is_refused_and_named(composed, tmp_path, change):
    plain = code.Decoder(composed, "cpu", "float32", "sdpa")
    adapted = get_peft_model(plain.model, LoraConfig(r=2, target_modules=["q_proj"]))
    code.save(tmp_path, code.read_projector(composed), adapted)
    files = composed.content["files"] | adapter_files(tmp_path)
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    if change == "a flipped byte":
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        weights = weights.with_name("adapter_model.bin")
        weights.touch()
    with pytest.raises(UserError, match=f"{weights}.*when the model was trained"):
        code.Decoder(Checkpoint(tmp_path, {**composed.content, "files": files}), "cpu", "float32", "sdpa")


def test_a_projector_of_other_widths_is_refused_before_anything_runs(composed, tmp_path):
    code.save(tmp_path, Projector(Shape(stack=2), 48, 32), None)
    with pytest.raises(UserError, match="of the projector is"):
        code.read_projector(Checkpoint(tmp_path, composed.record))


def test_a_flipped_byte_in_a_part_is_refused_and_named(composed, whisper, tmp_path):
    for path in whisper.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    record = json.loads(json.dumps(composed.content))
    record["parts"]["encoder"]["folder"] = str(tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path}/model.safetensors"):
        code.Encoder(Checkpoint(composed.folder, record), "cpu", "float32")
