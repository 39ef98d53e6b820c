"""Tiny models of the real classes, prompts for them, and the slow way to run them."""

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
)
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask

from earmark.reduction.hooks import TokenReduction
from earmark.reduction.prompt import Seen, audio_tokens
from earmark.reduction.record import RowRecord, Stage

VOCAB, AUDIO, AUDIO_BOS, AUDIO_EOS, PAD = 64, 60, 61, 62, 0
HIDDEN, LAYERS = 64, 4
TEXT: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "intermediate_size": 96,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}

CLOSE = {"atol": 1e-5, "rtol": 0.0}
"""How far two ways of summing may lie apart. Logits of the tiny models spread by 1.7 and reach 7, and a single other token
moves one by 0.36 at least. The models are of float64, in which transformers' norms and softmax stay in float32: that
moves them by up to 2e-6. In float32 alone it was 2.3e-5 to 4.1e-5, by the processor."""


def eager_mask_for_single(*arguments: Any, dtype: torch.dtype, **options: Any) -> Tensor | None:
    """Mask by what float32 holds: transformers' softmax is in float32, where the least float64 is no number."""
    return eager_mask(*arguments, dtype=torch.float32 if dtype is torch.float64 else dtype, **options)


ALL_MASK_ATTENTION_FUNCTIONS.register("eager", eager_mask_for_single)


@cache
def tiny_model(family: str, attention: str = "sdpa") -> Any:
    """A model with random weights, large enough that its argmax wanders; built once."""
    torch.manual_seed(0)
    model: Any
    if family == "omni":
        config = Qwen2_5OmniThinkerConfig(
            audio_config={
                "num_mel_bins": 128,
                "encoder_layers": 1,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 32,
                "d_model": 32,
                "n_window": 100,
                "output_dim": HIDDEN,
            },
            vision_config={
                "depth": 1,
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_heads": 2,
                "out_hidden_size": HIDDEN,
                "fullatt_block_indexes": [0],
            },
            text_config=TEXT
            | {
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 1e6,
                    "mrope_section": [4, 2, 2],
                }
            },
            audio_token_index=AUDIO,
            audio_start_token_id=AUDIO_BOS,
            audio_end_token_id=AUDIO_EOS,
            image_token_index=59,
            video_token_index=58,
            vision_start_token_id=57,
            vision_end_token_id=56,
        )
        config._attn_implementation = attention
        model = Qwen2_5OmniThinkerForConditionalGeneration(config)
    else:
        config = Qwen2AudioConfig(
            audio_config={
                "model_type": "qwen2_audio_encoder",
                "num_mel_bins": 128,
                "encoder_layers": 1,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 32,
                "d_model": 32,
                "max_source_positions": 120,
            },
            text_config=TEXT | {"model_type": "qwen2"},
            audio_token_index=AUDIO,
        )
        config._attn_implementation = attention
        model = Qwen2AudioForConditionalGeneration(config)
    for name, weight in model.named_parameters():
        if weight.dim() > 1 and "visual" not in name:
            scale = 0.5 if "embed" in name else 1.6 / weight[0].numel() ** 0.5
            nn.init.normal_(weight, std=scale)
        elif "norm" in name:
            nn.init.uniform_(weight, 0.3, 1.7)  # all ones would hide a norm left out
    model.generation_config.pad_token_id = PAD
    model.generation_config.eos_token_id = None
    model.generation_config.do_sample = False
    return model.double().eval()


def prompt(audio: int, before: int, after: int, seed: int) -> list[int]:
    """Token ids: text, audio between its two boundary tokens, text."""
    words = torch.randint(1, 50, (before + after,), generator=torch.Generator().manual_seed(seed))
    text = words.tolist()
    return [*text[:before], AUDIO_BOS, *[AUDIO] * audio, AUDIO_EOS, *text[before:]]


def batch(family: str, prompts: list[list[int]], seeds: list[int]) -> dict[str, Tensor]:
    """Model inputs for the prompts, padded on the left, with random mel features per seed."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), PAD)
    mask = torch.zeros_like(ids)
    frames = [4 * p.count(AUDIO) for p in prompts]  # both towers make one token of four frames
    longest = 240 if family == "qwen2audio" else max(frames)
    mel = torch.zeros(len(prompts), 128, longest, dtype=torch.float64)
    mel_mask = torch.zeros(len(prompts), longest, dtype=torch.long)
    for row, (p, seed, n) in enumerate(zip(prompts, seeds, frames, strict=True)):
        ids[row, width - len(p) :], mask[row, width - len(p) :] = torch.tensor(p), 1
        mel[row, :, :n] = torch.randn(128, n, generator=torch.Generator().manual_seed(seed))
        mel_mask[row, :n] = 1
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "input_features": mel,
        "feature_attention_mask": mel_mask,
    }


CASES = {
    "one": [(40, 3, 6)],
    # of different lengths, hence padded on the left
    "padded": [(40, 3, 6), (24, 5, 6), (31, 2, 9)],
    # of the same length, with spans of different lengths: nothing padded until tokens are dropped
    "ragged": [(40, 3, 6), (20, 11, 18), (33, 6, 10)],
}


def inputs_for(family: str, case: str, row: int | None = None) -> dict[str, Tensor]:
    """The inputs of a case, or of one of its rows alone."""
    rows = range(len(CASES[case])) if row is None else [row]
    prompts = [prompt(*CASES[case][r], seed=r) for r in rows]
    return batch(family, prompts, [100 + r for r in rows])


def ids_for(case: str) -> list[str]:
    """Sample ids of the rows of a case."""
    return [f"clip-{row}" for row in range(len(CASES[case]))]


def generate(model: Any, inputs: dict[str, Tensor], tokens: int) -> tuple[Tensor, Tensor]:
    """Greedy tokens [rows, tokens] and their logits [tokens, rows, vocab]."""
    with torch.no_grad():
        out = model.generate(
            **inputs, max_new_tokens=tokens, return_dict_in_generate=True, output_logits=True
        )
    return out.sequences[:, -tokens:], torch.stack(out.logits)


def embeddings(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    """What the text decoder is given for a prompt: [rows, prompt, hidden]."""
    seen: list[Tensor] = []
    hook = model.model.language_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["inputs_embeds"]), with_kwargs=True
    )
    with torch.no_grad():
        model(**inputs)
    hook.remove()
    return seen[0]


class Told(TokenReduction):
    """A reduction that is told the encoder's scores before every prefill, made up from places in the audio."""

    def seen(self, like: Tensor) -> Seen:
        seen = super().seen(like)
        if seen.encoder or not self.selection.reducer.needs_encoder:
            return seen
        counts = audio_tokens(seen, self.decoder.audio_id).sum(1).tolist()
        return replace(seen, encoder={n: [made_up(n, count) for count in counts] for n in ENCODER})


ENCODER = ("received_max", "received_mean", "diagonal_max", "diagonal_mean", "keys", "loudness")


def made_up(name: str, count: int) -> Tensor:
    """Positive scores of so many audio tokens; `keys` are vectors."""
    draw = torch.Generator().manual_seed(ENCODER.index(name))
    return 0.1 + torch.rand(200, *([4] if name == "keys" else []), generator=draw)[:count]


def slow_slots(states: Tensor, audio: list[int], stage: Stage) -> tuple[Tensor, list[int]]:
    """One row's states [1, n, hidden] after a stage whose span stands at `audio`, and where what is left stood.

    One token after the other, as the contract says it: a slot is the weighted sum of its members.
    """
    place = stage.reduced.place.tolist()
    changed = states.clone()
    if stage.reduced.into is not None:
        into = stage.reduced.into.tolist()
        weight = [1.0] * len(into) if stage.reduced.weight is None else stage.reduced.weight.tolist()
        for slot, offset in enumerate(place):
            members = [token for token in range(len(audio)) if into[token] == slot]
            changed[0, audio[offset]] = sum(weight[t] * states[0, audio[t]] for t in members)
    return changed, [audio[offset] for offset in place]


def slow_logits(model: Any, states: Tensor, audio: list[int], record: RowRecord) -> Tensor:
    """Logits [tokens left, vocab] of one whole sequence [1, n, hidden], layer by layer, no cache; float32.

    What the record says of each of its stages is done before that stage's layer to the tokens at `audio`.
    All keep the positions they have in the sequence.
    """
    text = model.model.language_model
    positions = torch.arange(states.shape[1])[None]
    stages = {stage.layer: stage for stage in record.stages}
    with torch.no_grad():
        for index, block in enumerate(text.layers):
            if index in stages:
                states, left = slow_slots(states, audio, stages[index])
                keep = [at for at in range(states.shape[1]) if at not in audio or at in left]
                states, positions = states[:, keep], positions[:, keep]
                audio = [keep.index(at) for at in left]
            n = states.shape[1]
            mask = torch.full((n, n), torch.finfo(torch.float32).min, dtype=states.dtype).triu(1)[None, None]
            rotary = text.rotary_emb(
                states, positions[None] if hasattr(text.rotary_emb, "mrope_section") else positions
            )
            states = block(states, attention_mask=mask, position_embeddings=rotary)
        return model.lm_head(text.norm(states))[0].float()
