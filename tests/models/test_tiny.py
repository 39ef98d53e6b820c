"""Tiny checkpoints: plain transformers loads them, bit for bit, and the tokenizer keeps its promises."""

from pathlib import Path

import pytest
import torch
from transformers import AutoFeatureExtractor, AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

from earmark.models import tiny

NAMES = ["rock", "hard rock", "dog bark", "dog whine"]
PROMPT = "What is heard?\nA. rock\nB. hard rock\nC. dog bark\nD. dog whine\nAnswer with the letter only."
SIZES = tiny.Sizes(32, 2, 2, 1, 32, 16, 1, 2, 16)


@pytest.fixture(scope="module")
def checkpoint() -> tiny.Checkpoint:
    return tiny.build(NAMES, [PROMPT] * 20, SIZES, seed=3)


def test_a_saved_checkpoint_loads_bit_for_bit(checkpoint: tiny.Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)

    loaded = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(tmp_path)
    expected = checkpoint.model.state_dict()

    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.state_dict().items())
    assert loaded.generation_config.eos_token_id == checkpoint.tokenizer.eos_token_id
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o644


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, second, other = (tiny.build(NAMES, [PROMPT], SIZES, seed).model for seed in (1, 1, 2))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.lm_head.weight, second.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


def test_tokenizer_and_extractor_survive_saving(checkpoint: tiny.Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path)

    assert tokenizer.encode(PROMPT) == checkpoint.tokenizer.encode(PROMPT)
    assert tokenizer.decode(tokenizer.encode("Ünseen text, too.")) == "Ünseen text, too."
    assert tokenizer.padding_side == "left"
    assert tokenizer.audio_token == "<|AUDIO|>"
    assert (extractor.feature_size, extractor.hop_length, extractor.return_attention_mask) == (128, 160, True)


def test_every_class_name_is_one_token_even_where_names_overlap(checkpoint: tiny.Checkpoint) -> None:
    ids = checkpoint.tokenizer.encode(PROMPT)
    names = [checkpoint.tokenizer.convert_tokens_to_ids(name) for name in NAMES]

    assert [token for token in ids if token in names] == names


def test_the_chat_template_puts_audio_between_its_marks(checkpoint: tiny.Checkpoint) -> None:
    parts = [{"type": "audio", "audio": "x.wav"}, {"type": "text", "text": "Hello?"}]
    messages = [{"role": "system", "content": "Listen."}, {"role": "user", "content": parts}]

    text = checkpoint.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)

    assert text == (
        "<|im_start|>system\nListen.<|im_end|>\n"
        "<|im_start|>user\n<|audio_bos|><|AUDIO|><|audio_eos|>Hello?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_vision_tower_is_small_and_rotary_sections_fit(checkpoint: tiny.Checkpoint) -> None:
    moderate = tiny.Sizes(hidden=64, layers=1, heads=8, kv_heads=2, ffn=64)
    for sizes in (SIZES, moderate):
        config = tiny.build_model(checkpoint.tokenizer, sizes, 0).config.text_config
        sections = config.rope_parameters["mrope_section"]
        assert sum(sections) == sizes.hidden // sizes.heads // 2
