"""Qwen2.5-Omni's thinker as two separate parts: the audio encoder and the language model.

The embedded checkpoint and the real ones pass through the same lines. The processor of
transformers isn't used: it needs torchvision even for audio alone, and pads all audio to 300 s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, AutoTokenizer, Qwen2_5OmniConfig, Qwen2_5OmniThinkerConfig
from transformers.initialization import no_init_weights
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniAudioEncoder,
    Qwen2_5OmniThinkerTextModel,
)

from earmark.errors import UserError
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors

SAMPLE_RATE = 16000
TOKENS_PER_SECOND = 25


def audio_tokens(frames: int) -> int:
    """Return how many audio tokens ``frames`` mel frames (10 ms each) become."""
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def config_of(checkpoint: Checkpoint) -> Qwen2_5OmniThinkerConfig:
    """Return the thinker's config, also from a full Omni repository.

    Raises:
        UserError: config.json is damaged or of another family.
    """
    try:
        raw, _ = Qwen2_5OmniThinkerConfig.get_config_dict(checkpoint.folder)
        if raw.get("model_type") == "qwen2_5_omni":
            return Qwen2_5OmniConfig.from_dict(raw).thinker_config
        return Qwen2_5OmniThinkerConfig.from_dict(raw)
    except (OSError, ValueError, TypeError, AttributeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{checkpoint.folder}/config.json is no Qwen2.5-Omni config ({reason})") from None


class Encoder:
    """The audio tower with its mel front end: audio in, one state per 40 ms out."""

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str) -> None:
        config = config_of(checkpoint).audio_config
        config._attn_implementation = "sdpa"  # what `_windows` calls, whatever the language model uses
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = config.output_dim
        self.extractor = AutoFeatureExtractor.from_pretrained(checkpoint.folder)
        with no_init_weights():
            self.tower = Qwen2_5OmniAudioEncoder(config)
        names = {"thinker.audio_tower.": "", "audio_tower.": ""}
        fill(self.tower, read_tensors(checkpoint.folder, names, self.dtype), "audio tower", checkpoint.folder)
        self.tower.eval().requires_grad_(False).to(self.device)
        self.window = 2 * int(config.n_window)

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [128, frames] of audio [samples], at its natural length."""
        features = self.extractor(
            samples,
            sampling_rate=SAMPLE_RATE,
            padding="longest",
            truncation=False,
            return_attention_mask=True,
            return_tensors="pt",
        )
        frames = int(features["attention_mask"].sum())
        mel: Tensor = features["input_features"][0, :, :frames]
        return mel

    @torch.inference_mode()
    def encode(self, mels: Sequence[Tensor], windows_per_batch: int = 64) -> list[Tensor]:
        """Return the states [tokens, width] of each mel [128, frames].

        The tower attends within windows of two seconds only, so windows of all clips are batched
        by their length: no padding, no mask, no loop over windows as in the stock forward.
        """
        by_length: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for clip, mel in enumerate(mels):
            for start in range(0, mel.shape[1], self.window):
                by_length[min(self.window, mel.shape[1] - start)].append((clip, start))
        pieces: dict[tuple[int, int], Tensor] = {}
        for length, places in by_length.items():
            for first in range(0, len(places), windows_per_batch):
                chosen = places[first : first + windows_per_batch]
                batch = torch.stack([mels[clip][:, start : start + length] for clip, start in chosen])
                states = self._windows(batch.to(self.device, self.dtype))
                pieces.update(zip(chosen, states, strict=True))
        return [
            torch.cat([pieces[clip, start] for start in range(0, mel.shape[1], self.window)])
            for clip, mel in enumerate(mels)
        ]

    def _windows(self, mel: Tensor) -> Tensor:
        """Encode windows of one length: [windows, 128, frames] to [windows, tokens, width]."""
        tower = self.tower
        x = F.gelu(tower.conv2(F.gelu(tower.conv1(mel)))).transpose(1, 2)
        x = x + tower.positional_embedding.positional_embedding[: x.shape[1]].to(x.dtype)
        for layer in tower.layers:
            normed = layer.self_attn_layer_norm(x)
            attention = layer.self_attn
            q, k, v = (
                project(normed).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
                for project in (attention.q_proj, attention.k_proj, attention.v_proj)
            )
            mixed = F.scaled_dot_product_attention(q, k, v, scale=attention.scaling)
            x = x + attention.out_proj(mixed.transpose(1, 2).flatten(2))
            x = x + layer.fc2(layer.activation_fn(layer.fc1(layer.final_layer_norm(x))))
        even = x[:, : x.shape[1] // 2 * 2]
        states: Tensor = tower.proj(tower.ln_post((even[:, 0::2] + even[:, 1::2]) / 2))
        return states


class Decoder:
    """The language model with its tokenizer and output head: states and text in, logits out."""

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str, attention: str) -> None:
        config = config_of(checkpoint)
        text = config.text_config
        text._attn_implementation = attention
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder)
        self.audio_id: int = config.audio_token_id
        with no_init_weights():
            self.model = Qwen2_5OmniThinkerTextModel(text)
            self.head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        names = {"thinker.model.": "", "model.": ""}
        fill(
            self.model,
            read_tensors(checkpoint.folder, names, self.dtype),
            "language model",
            checkpoint.folder,
        )
        if text.tie_word_embeddings:
            self.head.weight = self.model.embed_tokens.weight
        else:
            head = read_tensors(checkpoint.folder, {"thinker.lm_head.": "", "lm_head.": ""}, self.dtype)
            fill(self.head, head, "output head", checkpoint.folder)
        for part in (self.model, self.head):
            part.eval().requires_grad_(False).to(self.device)
        self.stop_ids = self._stop_ids(checkpoint)
        self.pad_id: int = self.tokenizer.pad_token_id or 0

    def _stop_ids(self, checkpoint: Checkpoint) -> frozenset[int]:
        """Return the token ids that end an answer."""
        stops = {self.tokenizer.eos_token_id, self.tokenizer.convert_tokens_to_ids("<|im_end|>")}
        return frozenset(i for i in stops if i is not None)

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn: audio first, then text, then the assistant's header."""
        # Labels and questions are data: a special token in them must stay text.
        user = [{"type": "audio"}, {"type": "text", "text": prompt.replace("<|", "< |")}]
        messages: list[dict[str, Any]] = [{"role": "user", "content": user}]
        if system:
            messages.insert(
                0, {"role": "system", "content": [{"type": "text", "text": system.replace("<|", "< |")}]}
            )
        text: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids: list[int] = self.tokenizer(text)["input_ids"]
        slot = ids.index(self.audio_id)
        return ids[:slot] + [self.audio_id] * n_audio + ids[slot + 1 :]

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width]: text from the table, audio from ``states``."""
        embeddings: Tensor = self.model.embed_tokens(ids)
        audio = torch.cat([s.to(self.device, self.dtype) for s in states])
        return embeddings.masked_scatter((ids == self.audio_id)[..., None], audio)

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Run the model and return logits of the last position only, [rows, vocabulary]."""
        states = self.model(
            inputs_embeds=embeddings,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        logits: Tensor = self.head(states[:, -1])
        return logits
