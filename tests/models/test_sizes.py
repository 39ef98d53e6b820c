"""Sizes of published models say what their classes hold, before anything is fetched."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import transformers as stock

from earmark.models import needs
from earmark.models.families import family
from earmark.models.outline import Outline
from earmark.models.sizes import Sizes

TEXT = {"hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads"}
TEXT |= {"kv_heads": "num_key_value_heads", "vocabulary": "vocab_size"}


def text(sizes: Sizes, model_type: str, **more: Any) -> dict[str, Any]:
    """The decoder's section of a config of these sizes."""
    section = {key: getattr(sizes, name) for name, key in TEXT.items()}
    return section | {"model_type": model_type, "intermediate_size": sizes.ffn} | more


def qwen3_omni(sizes: Sizes) -> tuple[Any, Any]:
    """The tower is its class's default."""
    experts = {"num_experts": sizes.ffn_held // 768, "num_experts_per_tok": sizes.ffn // 768}
    section = text(sizes, "qwen3_omni_moe_text", head_dim=sizes.head, moe_intermediate_size=768, **experts)
    audio = {"output_dim": sizes.hidden}
    config = stock.Qwen3OmniMoeThinkerConfig(text_config=section, audio_config=audio)
    return config, stock.Qwen3OmniMoeThinkerForConditionalGeneration


def granite_speech(sizes: Sizes) -> tuple[Any, Any]:
    """The Conformer's widths are its class's default; its Q-Former has two layers."""
    encoder = {"num_layers": sizes.audio_layers}
    projector = {"model_type": "blip_2_qformer", "hidden_size": 1024, "encoder_hidden_size": 1024}
    projector |= {"num_hidden_layers": 2, "num_attention_heads": 16, "intermediate_size": 4096}
    config = stock.GraniteSpeechConfig(
        text_config=text(sizes, "granite"), encoder_config=encoder, projector_config=projector
    )
    return config, stock.GraniteSpeechForConditionalGeneration


def vibevoice_asr(sizes: Sizes) -> tuple[Any, Any]:
    """The tokenizers are their class's default."""
    config = stock.VibeVoiceAsrConfig(text_config=text(sizes, "qwen2"))
    return config, stock.VibeVoiceAsrForConditionalGeneration


MADE = [
    ("qwen3_omni", "Qwen/Qwen3-Omni-30B-A3B-Instruct", qwen3_omni, 31.2),
    ("granite_speech", "ibm-granite/granite-speech-3.3-2b", granite_speech, 3.07),
    ("vibevoice_asr", "microsoft/VibeVoice-ASR-HF", vibevoice_asr, 8.3),
]


@pytest.mark.parametrize(("kind", "hub", "made", "billions"), MADE)
def test_weights_worked_out_of_sizes_are_those_of_the_class_at_that_size(kind, hub, made, billions, tmp_path):
    sizes = family(kind).published[hub]
    config, cls = made(sizes)
    with torch.device("meta"):
        model = cls(config)
    counted = {name: weight.numel() for name, weight in model.named_parameters()}
    tower = [n for name, n in counted.items() if not _said(name) and "visual" not in name]
    layer = [n for name, n in counted.items() if _said(name) and ".layers.1." in name]
    found = needs.weights_of(Outline(kind, "bfloat16", hub=hub))
    assert found.layers[0] == pytest.approx(sum(layer), rel=0.002)
    assert found.encoder == pytest.approx(sum(tower), rel=0.1)
    whole = sum(found.layers) + found.encoder + found.rest + found.head
    assert whole / 1e9 == pytest.approx(billions, abs=0.06)
    config.save_pretrained(tmp_path)
    assert family(kind).sizes(json.loads((tmp_path / "config.json").read_text())) == sizes


def _said(name: str) -> bool:
    """Whether a weight is the language model's."""
    return not any(part in name for part in ("audio_tower", "encoder", "project", "visual"))


def test_experts_are_held_in_full_and_computed_in_part():
    sizes = family("qwen3_omni").published["Qwen/Qwen3-Omni-30B-A3B-Instruct"]
    assert sizes.layer > 8 * sizes.passed  # 128 experts, of which a token sees eight, and attention
    assert sizes.queries == 4096 and sizes.keys == 512
