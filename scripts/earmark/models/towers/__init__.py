"""Audio encoders to be scored: one file a kind, each of which makes a module of one contract.

A tower is a ``torch.nn.Module`` with the contract of XARES-LLM's encoders: an integer ``output_dim``, and
``forward(audio, audio_attention_mask=None)`` from mono audio [clips, samples] at 16 kHz, padded with zeros on
the right, and its mask, to features [clips, frames, output_dim] and their mask [clips, frames] or None.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.core.errors import UserError, nearest

if TYPE_CHECKING:
    from torch import nn

    from earmark.models.checkpoint import Checkpoint
    from earmark.models.towers.asked import Tower

RATE = 16_000
KINDS = {
    "own": "own",
    "whisper": "family",
    "qwen2_audio": "family",
    "omni": "family",
    "wav2vec2": "waves",
    "hubert": "waves",
    "wavlm": "waves",
    "audio_spectrogram_transformer": "patches",
    "clap": "clap",
    "dasheng": "dasheng",
}
"""The file behind each kind."""


def code_of(kind: str) -> str:
    """Return the file of a kind below scripts/, which a rule that loads it has to digest."""
    return f"earmark/models/towers/{KINDS[kind]}.py"


def file_of(code: str) -> Path | None:
    """Return the Python file that ``code`` names, with or without a class behind a colon; None for others."""
    path, _, _ = code.partition(".py:")
    if ".py:" in code:
        return Path(f"{path}.py").expanduser()
    return Path(code).expanduser() if code.endswith(".py") else None


def load(tower: Tower, checkpoint: Checkpoint | None, device: str) -> nn.Module:
    """Return the encoder on its device, frozen and in evaluation mode.

    Args:
        tower: its kind, and what it is made of.
        checkpoint: where the weights are, if they are files.
        device: torch device.

    Raises:
        UserError: no such kind, or the weights are damaged or of another kind.

    """
    kind = tower.kind
    if kind not in KINDS:
        raise UserError(f"unknown encoder kind '{kind}'; {nearest(kind, KINDS)}")
    module = importlib.import_module(f"{__name__}.{KINDS[kind]}")
    made: nn.Module = module.build(tower, checkpoint, device)
    return made.eval().requires_grad_(False).to(device)
