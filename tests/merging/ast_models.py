"""Small ASTs with random weights, and spectrograms for them."""

import torch
from torch import Tensor
from transformers import ASTConfig, ASTForAudioClassification

from earmark.merging.schedule import Schedule


def tiny_ast(
    frames: int = 64, layers: int = 3, attention: str = "sdpa", **more: object
) -> ASTForAudioClassification:
    """Positions are drawn too: by default they are zero, and every place would be the same."""
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
    config = ASTConfig(max_length=frames, num_labels=5, attn_implementation=attention, **(sizes | more))
    torch.manual_seed(3)
    model = ASTForAudioClassification(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * (0.3 if weight.dim() > 1 else 0.1) + (weight == 1))
    return model


def spectrograms(rows: int = 2, frames: int = 64) -> Tensor:
    return torch.randn(rows, frames, 128, generator=torch.Generator().manual_seed(5)) * 0.5


def constant(r: int) -> Schedule:
    return Schedule.parse(str(r), {})
