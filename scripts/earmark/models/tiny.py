"""Small checkpoints of the real class: Qwen2.5-Omni's thinker with its tokenizer and feature extractor.

From class names, prompts and sizes to a folder that `from_pretrained` of transformers loads. Two uses:
a model of about a million parameters that `training.listener` trains for the offline demo, and a
moderate one with random weights whose only purpose is to be timed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    WhisperFeatureExtractor,
)

from earmark.core.files import Json
from earmark.models.contract import MARKS
from earmark.models.sizes import Sizes

AUDIO, AUDIO_BEGIN, AUDIO_END = MARKS.audio, MARKS.begin, MARKS.end
TURN_BEGIN, TURN_END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

_EXTRA_TOKENS = {
    "image_token": "<|IMAGE|>",
    "audio_token": AUDIO,
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": AUDIO_BEGIN,
    "audio_eos_token": AUDIO_END,
}
_SPECIAL_TOKENS = [PAD, TURN_BEGIN, TURN_END, *_EXTRA_TOKENS.values()]

_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}"
    + MARKS.whole
    + "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_LONGEST_PROMPT = 32768  # tokens, audio included; as the real checkpoint


@dataclass(frozen=True)
class Checkpoint:
    """A model with everything needed to talk to it."""

    model: Qwen2_5OmniThinkerForConditionalGeneration
    tokenizer: PreTrainedTokenizerFast
    extractor: WhisperFeatureExtractor

    def save(self, folder: Path) -> None:
        """Write model.safetensors, configs, tokenizer and preprocessor_config.json into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.extractor.save_pretrained(folder)
        # safetensors writes 0600, which locks out colleagues on a shared disk
        (folder / "model.safetensors").chmod(0o644)


def build(names: Sequence[str], prompts: Iterable[str], sizes: Sizes, seed: int) -> Checkpoint:
    """Build a randomly initialised checkpoint for prompts like those given.

    Args:
        names: class names as shown in the prompts, for example "dog bark".
        prompts: texts the tokenizer learns its merges from.
        sizes: widths and depths.
        seed: of the initial weights; torch's global generator is left as it was.

    Returns:
        The model in float32, its tokenizer and its feature extractor.

    """
    tokenizer = build_tokenizer(names, prompts, sizes.vocabulary)
    return Checkpoint(build_model(tokenizer, sizes, seed), tokenizer, build_extractor())


def build_extractor(longest_s: int = 300) -> WhisperFeatureExtractor:
    """Return the real checkpoint's front end: 128 mel bands, 10 ms hop, 16 kHz."""
    return WhisperFeatureExtractor(
        feature_size=128,
        sampling_rate=16000,
        hop_length=160,
        n_fft=400,
        chunk_length=longest_s,
        return_attention_mask=True,
    )


def build_tokenizer(
    names: Sequence[str], prompts: Iterable[str], most: int = Sizes.vocabulary
) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer in which every class name is one token.

    One token per name lets names share words ("dog bark", "dog whine") and still be told apart at a
    glance, which is what a model of this size can learn; any other text falls back to bytes and merges.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        special_tokens=_SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator([*prompts, f"{TURN_BEGIN}system user assistant"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=TURN_END,
        pad_token=PAD,
        extra_special_tokens=_EXTRA_TOKENS,
        padding_side="left",
        model_max_length=_LONGEST_PROMPT,
    )
    tokenizer.add_tokens([AddedToken(name, single_word=True, normalized=False) for name in names])
    tokenizer.chat_template = _CHAT_TEMPLATE
    return tokenizer


def build_model(
    tokenizer: PreTrainedTokenizerFast, sizes: Sizes, seed: int
) -> Qwen2_5OmniThinkerForConditionalGeneration:
    """Build the thinker with random weights drawn from `seed`, in float32 and training mode."""
    config = Qwen2_5OmniThinkerConfig(
        audio_config=_audio_config(sizes),
        vision_config=_vision_config(sizes),
        text_config=_text_config(tokenizer, sizes),
        **_token_ids(tokenizer),
    )
    config._attn_implementation = "sdpa"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2_5OmniThinkerForConditionalGeneration(config)
        _initialise(model)
    # generate() reads these from generation_config.json, not from config.json
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.do_sample = False
    return model.train()


def tower_config(sizes: Sizes) -> Json:
    """Audio tower, as far as both families share it."""
    return {
        "num_mel_bins": 128,
        "encoder_layers": sizes.audio_layers,
        "encoder_attention_heads": sizes.audio_heads,
        "encoder_ffn_dim": sizes.audio_ffn,
        "d_model": sizes.audio_hidden,
        "max_source_positions": 1500,
    }


def _audio_config(sizes: Sizes) -> Json:
    """Audio tower: 2 s attention windows (n_window 100 frames each way) as in the real checkpoint."""
    return tower_config(sizes) | {"n_window": 100, "output_dim": sizes.hidden}


def _vision_config(sizes: Sizes) -> Json:
    """Vision tower: the class insists on one, so it is as small as it can be and never called."""
    return {
        "depth": 1,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": sizes.hidden,
        "fullatt_block_indexes": [0],
    }


def _text_config(tokenizer: PreTrainedTokenizerFast, sizes: Sizes) -> Json:
    """Language model; the rotary sections must sum to half the head width (16, 24, 24 in the real one)."""
    half = sizes.hidden // sizes.heads // 2
    height = width = half * 3 // 8
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.ffn,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "max_position_embeddings": _LONGEST_PROMPT,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [half - height - width, height, width],
        },
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": False,
    }


def _token_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """Ids the thinker looks for in the prompt; the vision ones are read even for audio alone."""
    fields = {
        "audio_token_index": AUDIO,
        "image_token_index": "<|IMAGE|>",
        "video_token_index": "<|VIDEO|>",
        "audio_start_token_id": AUDIO_BEGIN,
        "audio_end_token_id": AUDIO_END,
        "vision_start_token_id": "<|vision_bos|>",
        "vision_end_token_id": "<|vision_eos|>",
        "user_token_id": "user",
    }
    return {field: int(tokenizer.convert_tokens_to_ids(token)) for field, token in fields.items()}


def _initialise(model: nn.Module) -> None:
    """Redraw the weights scaled to their fan-in.

    The library's std of 0.02 is meant for wide models: at these widths the audio tower's sinusoid
    position table (amplitude 1) drowns the mel signal and training stays at chance.
    """
    for name, weight in model.named_parameters():
        if name.startswith("model.visual") or weight.dim() < 2:
            continue
        fan_in = weight[0].numel()
        if "embed" in name:
            std = 0.1
        elif "conv" in name:
            std = 1.6 / fan_in**0.5
        else:
            std = 0.7 / fan_in**0.5
        nn.init.normal_(weight, std=std)
