"""LAION's CLAP checkpoint in the names and shapes of transformers' ``ClapModel``.

Table of names: the specification of this system, section 1.5. Two values of the configuration have to be
said, since ClapModel's defaults are of another checkpoint: the text tower's epsilon, and the audio tower's
sizes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from earmark.core.errors import UserError
from earmark.models import state_file

PREFIX = "module."
BESIDE = "query_encoder.model."
"""Below which an AudioSep checkpoint carries it."""
MISSING = "fetch music_speech_audioset_epoch_15_esc_89.98.pt, or set text.checkpoint to where it lies"

TEXT = {"layer_norm_eps": 1e-5, "projection_dim": 512}
AUDIO = {
    "hidden_size": 1024,
    "patch_embeds_hidden_size": 128,
    "depths": [2, 2, 12, 2],
    "num_attention_heads": [4, 8, 16, 32],
    "enable_fusion": False,
    "projection_dim": 512,
}
"""HTSAT-base, as the checkpoint's name does not say."""

_DROPPED = re.compile(
    r"text_branch\.embeddings\.position_ids|(text|audio)_transform\.|"
    r"audio_branch\.(spectrogram_extractor|logmel_extractor|head|tscam_conv)\.|.*\.attn_mask$"
)
_RENAMED = (
    (r"^text_branch\.", "text_model."),
    (r"^(text|audio)_projection\.0\.", r"\1_projection.linear1."),
    (r"^(text|audio)_projection\.2\.", r"\1_projection.linear2."),
    (r"^audio_branch\.bn0\.", "audio_model.audio_encoder.batch_norm."),
    (r"^audio_branch\.", "audio_model.audio_encoder."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.attn\.relative_position_", ".attention.self.relative_position_"),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
)
_FUSED = re.compile(r"^(.*)\.attn\.qkv\.(weight|bias)$")
_OWN = frozenset({"text_model.embeddings.position_ids", "text_model.embeddings.token_type_ids"})
"""Counted, not learnt: ClapModel makes them."""


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of LAION's file, or of those inside an AudioSep checkpoint, by LAION's names.

    Raises:
        UserError: it is missing or damaged, would run code, or holds no CLAP.

    """
    content: Any = state_file.read(path, MISSING)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    tensors = state_file.named(content, path, "LAION-CLAP's checkpoint")
    inside = {name.removeprefix(BESIDE): value for name, value in tensors.items() if name.startswith(BESIDE)}
    found = {name.removeprefix(PREFIX): value for name, value in (inside or tensors).items()}
    if not any(name.startswith("text_branch.") for name in found):
        raise UserError(
            f"{path} is not CLAP's checkpoint (it has no text_branch); set text.checkpoint to "
            "music_speech_audioset_epoch_15_esc_89.98.pt"
        )
    return found


def converted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return LAION's tensors by ClapModel's names, without what the front end computes by itself."""
    made: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if _DROPPED.match(name):
            continue
        if fused := _FUSED.match(name):
            block, leaf = _renamed(f"{fused[1]}."), fused[2]
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                made[f"{block}attention.self.{part}.{leaf}"] = rows.clone()
        else:
            made[_renamed(name)] = value
    return made


def model(path: Path, text: Mapping[str, Any] | None = None, audio: Mapping[str, Any] | None = None) -> Any:
    """Return a ClapModel with the weights of LAION's file, frozen.

    Args:
        path: of the checkpoint.
        text: changes to the text tower's configuration, for other than the published sizes.
        audio: changes to the audio tower's.

    Raises:
        UserError: as :func:`read`; or a tensor is missing, unknown or of another shape.

    """
    from transformers import ClapConfig, ClapModel  # slow to import

    towers = {"text_config": TEXT | dict(text or {}), "audio_config": AUDIO | dict(audio or {})}
    made = ClapModel(ClapConfig(**towers, projection_dim=towers["text_config"]["projection_dim"])).eval()
    tensors = converted(read(path))
    wanted = {name: value for name, value in made.state_dict().items() if name not in _OWN}
    for name, value in wanted.items():
        if name not in tensors:
            raise UserError(f"{path} lacks what ClapModel calls '{name}'; fetch the file again")
        if tensors[name].shape != value.shape:
            found, expected = list(tensors[name].shape), list(value.shape)
            raise UserError(
                f"{path}: '{name}' is {found}, expected {expected}: a CLAP of other sizes than "
                "music_speech_audioset_epoch_15_esc_89.98.pt"
            )
    unknown = sorted(tensors.keys() - wanted.keys())
    if unknown:
        raise UserError(f"{path} has an unknown tensor '{unknown[0]}' ({len(unknown)} such)")
    made.load_state_dict(tensors, strict=False)
    return made.requires_grad_(False)


def _renamed(name: str) -> str:
    for old, new in _RENAMED:
        name = re.sub(old, new, name)
    return name
