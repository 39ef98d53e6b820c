"""Small checkpoints of the stock classes of families, and what their own processors make of audio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as stock
from peft import LoraConfig
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from earmark.models.families import family
from earmark.models.tiny import build_tokenizer

RATE, SECONDS = 16_000, 2
"""Windows are 2 s here and 30 s in the published models."""

TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
}

QWEN3_AUDIO: dict[str, Any] = {
    "num_mel_bins": 16,
    "d_model": 32,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "downsample_hidden_size": 8,
    "n_window_infer": 200,
    "output_dim": 32,
}

Inputs = Callable[[np.ndarray, Any], dict[str, torch.Tensor]]


@dataclass(frozen=True)
class Kind:
    """A family and its stock class."""

    name: str
    stock: str
    """Of its classes' names, the beginning."""
    parts: Callable[[int], dict[str, Any]]
    """The configs of its parts, for a vocabulary of so many."""
    extractor: Callable[[], Any] | None
    """None where it needs torchaudio, which is not installed."""
    inputs: Inputs
    """What the family's own processor makes of audio, written down once more."""
    head: str = "ForConditionalGeneration"
    lora: tuple[str, ...] = ()
    """Matrices that its low-rank adapter changes."""
    adapter: str = ""
    """Where that lies."""
    seeded: bool = False
    """Whether its encoder draws."""
    renamed: tuple[tuple[str, str], ...] = (
        ("language_model.model.", "model.language_model."),
        ("language_model.lm_head.", "lm_head."),
    )
    """Beginnings of names, as published and as saved now, beside the `model.` that others begin with."""

    @property
    def cls(self) -> Any:
        """The whole model's class."""
        return getattr(stock, self.stock + self.head)

    def make(self, folder: Path) -> None:
        """Save a small model with weights at random as transformers saves it."""
        marks = family(self.name).marks
        tokenizer = build_tokenizer(["rain"], ["What is heard?"] * 5, 400)
        tokenizer.add_special_tokens(
            {"additional_special_tokens": [mark for mark in (marks.begin, marks.audio, marks.end) if mark]}
        )
        audio = {"audio_token_id": tokenizer.convert_tokens_to_ids(marks.audio)}
        config = getattr(stock, f"{self.stock}Config")(**audio, **self.parts(len(tokenizer)))
        torch.manual_seed(0)
        model = self.cls(config)
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.3 if "embed" in name else 1.2 / weight[0].numel() ** 0.5)
        model.save_pretrained(str(folder))
        if self.lora:
            model.add_adapter(LoraConfig(r=4, lora_alpha=8, target_modules=list(self.lora)))
            for name, weight in model.named_parameters():
                if "lora_" in name:
                    torch.nn.init.normal_(weight, std=0.3)
            stock.PreTrainedModel.save_pretrained(model, str(folder / self.adapter))
        tokenizer.save_pretrained(folder)
        if self.extractor is not None:
            self.extractor().save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)


def windowed(tower: str, ffn: int, text: str) -> Callable[[int], dict[str, Any]]:
    """A Whisper of windows; ``ffn`` is as wide as the positions that are joined to a token together."""
    audio = {
        "model_type": tower,
        "num_mel_bins": 16,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": ffn,
        "max_source_positions": 50 * SECONDS,
    }
    return lambda words: {
        "audio_config": audio,
        "text_config": TEXT | {"model_type": text, "vocab_size": words},
    }


def whisper_extractor() -> Any:
    """Of windows of 2 s."""
    return WhisperFeatureExtractor(feature_size=16, chunk_length=SECONDS)


def voxtral_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """One spectrogram, filled up to whole windows."""
    mel = extractor(
        wave,
        sampling_rate=RATE,
        padding=True,
        pad_to_multiple_of=SECONDS * RATE,
        truncation=False,
        return_tensors="pt",
    ).input_features[0]
    return {"input_features": mel.reshape(16, -1, 100 * SECONDS).transpose(0, 1)}


def window_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """A spectrogram of every window."""
    size = SECONDS * RATE
    chunks = [wave[start : start + size] for start in range(0, len(wave), size)]
    made = extractor(
        chunks, sampling_rate=RATE, padding="max_length", return_attention_mask=True, return_tensors="pt"
    )
    return {"input_features": made.input_features, "input_features_mask": made.attention_mask}


def qwen3_asr_parts(words: int) -> dict[str, Any]:
    """Seconds of 13 tokens, windows of two of them."""
    audio = {"model_type": "qwen3_asr_encoder", **QWEN3_AUDIO}
    text = TEXT | {"model_type": "qwen3", "vocab_size": words, "head_dim": 16}
    return {"audio_config": audio, "text_config": text, "tie_word_embeddings": False}


def qwen3_asr_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """As Qwen3ASRProcessor asks its extractor."""
    made = extractor(wave, sampling_rate=RATE, padding=True, return_attention_mask=True, n_window=50)
    return {"input_features": made.input_features, "input_features_mask": made.attention_mask}


def fun_asr_parts(words: int) -> dict[str, Any]:
    """Two layers for words and one for times."""
    audio = {
        "model_type": "fun_asr_nano_encoder",
        "num_mel_bins": 16,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_timestamp_prediction_layers": 1,
        "max_position_embeddings": 128,
    }
    adaptor = {
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "projector_hidden_size": 24,
    }
    text = TEXT | {"model_type": "qwen3", "vocab_size": words, "head_dim": 16}
    return {
        "audio_config": audio,
        "adaptor_config": adaptor,
        "text_config": text,
        "tie_word_embeddings": False,
    }


def fun_asr_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """Kaldi's filter bank by transformers' own spectrogram, then frames stacked one by one."""
    triangles = mel_filter_bank(
        257, 16, 20, 8000, RATE, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True
    )
    frames = spectrogram(
        wave,
        np.hamming(400),
        400,
        160,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=triangles,
        log_mel="log",
        mel_floor=1.192092955078125e-07,
        remove_dc_offset=True,
    ).T
    stacked = []
    for first in range(0, len(frames), 6):
        places = [min(max(first + offset, 0), len(frames) - 1) for offset in range(-3, 4)]
        stacked.append(np.concatenate([frames[place] for place in places]))
    features = torch.from_numpy(np.stack(stacked))[None].float()
    return {"input_features": features, "input_features_mask": torch.ones(features.shape[:2]).long()}


def qwen3_omni_parts(words: int) -> dict[str, Any]:
    """Four experts, of which a token sees two."""
    text = TEXT | {
        "vocab_size": words,
        "head_dim": 16,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
    }
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32}
    vision |= {"deepstack_visual_indexes": [0]}
    return {
        "audio_config": dict(QWEN3_AUDIO),
        "text_config": text,
        "vision_config": vision,
        "vision_start_token_id": 3,
    }


def qwen3_omni_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """As Qwen3OmniMoeProcessor asks its extractor, which is Whisper's."""
    made = extractor(
        wave,
        sampling_rate=RATE,
        padding=True,
        truncation=False,
        return_attention_mask=True,
        return_tensors="pt",
    )
    return {"input_features": made.input_features, "feature_attention_mask": made.attention_mask}


def granite_parts(words: int) -> dict[str, Any]:
    """Blocks of 20 frames, and the Q-Former's of 15."""
    encoder = {
        "input_dim": 160,
        "num_layers": 2,
        "hidden_dim": 32,
        "num_heads": 2,
        "output_dim": 12,
        "context_size": 20,
        "max_pos_emb": 32,
    }
    projector = {
        "model_type": "blip_2_qformer",
        "hidden_size": 32,
        "encoder_hidden_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": 48,
        "vocab_size": 8,
    }
    # The placeholder is the last token, and has no row in the table of embeddings.
    text = TEXT | {"model_type": "granite", "vocab_size": words - 1, "embedding_multiplier": 3.0}
    return {
        "encoder_config": encoder,
        "projector_config": projector,
        "text_config": text,
        "tie_word_embeddings": False,
        "has_lora_adapter": True,
    }


def granite_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """Mel frames by transformers' own spectrogram, two and two side by side."""
    triangles = mel_filter_bank(257, 80, 0, 8000, RATE, norm=None, mel_scale="htk")
    power = spectrogram(wave, window_function(400), 400, 160, fft_length=512, power=2.0, center=True)
    mel = np.log10(np.maximum(triangles.T @ power, 1e-10)).T
    mel = np.maximum(mel, mel.max() - 8) / 4 + 1
    mel = mel[: len(mel) // 2 * 2]
    return {"input_features": torch.from_numpy(mel.reshape(1, -1, 160)).float()}


def vibevoice_parts(words: int) -> dict[str, Any]:
    """Tokenizers of two stages, tokens of 3200 samples as published, chunks of half a second."""
    tokenizer = {
        "model_type": "vibevoice_acoustic_tokenizer_encoder",
        "num_filters": 4,
        "downsampling_ratios": [40, 80],
        "depths": [1, 1, 1],
    }
    return {
        "acoustic_tokenizer_encoder_config": tokenizer | {"hidden_size": 8},
        "semantic_tokenizer_encoder_config": tokenizer | {"hidden_size": 16},
        "text_config": TEXT | {"model_type": "qwen2", "vocab_size": words},
        "acoustic_tokenizer_chunk_size": 12_800,
    }


def vibevoice_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """As VibeVoiceAsrProcessor asks its extractor."""
    made = extractor([wave], sampling_rate=24_000, pad_to_multiple_of=3200)
    return {"input_values": made.input_values, "padding_mask": made.padding_mask}


def phi_parts(words: int) -> dict[str, Any]:
    """Longrope and a window of more than the prompt, as published; the placeholder's id lies in the audio's."""
    audio = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_blocks": 2,
        "num_attention_heads": 2,
        "ext_pw_out_channel": 32,
        "depthwise_separable_out_channel": 32,
        "nemo_conv_channels": 8,
        "audio_token_id": words - 1,
    }
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision |= {"image_size": 28, "crop_size": 28, "image_token_id": 3}
    rope = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "partial_rotary_factor": 0.75,
        "short_factor": [1.0] * 6,
        "long_factor": [2.0] * 6,
        "original_max_position_embeddings": 256,
    }
    return TEXT | {
        "vocab_size": words,
        "rope_parameters": rope,
        "original_max_position_embeddings": 256,
        "sliding_window": 1024,
        "audio_config": audio,
        "vision_config": vision,
        "eos_token_id": [2, 3],
        "bos_token_id": 1,
        "pad_token_id": 0,
    }


def phi_inputs(wave: np.ndarray, extractor: Any) -> dict[str, torch.Tensor]:
    """As its extractor gives it."""
    return dict(extractor(wave, sampling_rate=RATE, return_tensors="pt"))


KINDS = [
    Kind(
        "audio_flamingo3",
        "AudioFlamingo3",
        windowed("audioflamingo3_encoder", 48, "qwen2"),
        whisper_extractor,
        window_inputs,
    ),
    Kind(
        "music_flamingo",
        "MusicFlamingo",
        windowed("audioflamingo3_encoder", 48, "qwen2"),
        whisper_extractor,
        window_inputs,
    ),
    Kind("glm_asr", "GlmAsr", windowed("glmasr_encoder", 128, "llama"), whisper_extractor, window_inputs),
    Kind("voxtral", "Voxtral", windowed("voxtral_encoder", 128, "llama"), whisper_extractor, voxtral_inputs),
    Kind(
        "qwen3_asr",
        "Qwen3ASR",
        qwen3_asr_parts,
        lambda: stock.Qwen3ASRFeatureExtractor(feature_size=16),
        qwen3_asr_inputs,
    ),
    Kind("fun_asr_nano", "FunAsrNano", fun_asr_parts, None, fun_asr_inputs),
    Kind(
        "qwen3_omni",
        "Qwen3OmniMoeThinker",
        qwen3_omni_parts,
        lambda: WhisperFeatureExtractor(feature_size=16),
        qwen3_omni_inputs,
        renamed=(("", "thinker."),),
    ),
    Kind(
        "vibevoice_asr",
        "VibeVoiceAsr",
        vibevoice_parts,
        lambda: stock.VibeVoiceAcousticTokenizerFeatureExtractor(),
        vibevoice_inputs,
        seeded=True,
    ),
    Kind(
        "phi4_multimodal",
        "Phi4Multimodal",
        phi_parts,
        lambda: stock.Phi4MultimodalFeatureExtractor(),
        phi_inputs,
        head="ForCausalLM",
        lora=("qkv_proj",),
        adapter="speech-lora",
        renamed=(),
    ),
    Kind("granite_speech", "GraniteSpeech", granite_parts, None, granite_inputs, lora=("q_proj", "v_proj")),
]
