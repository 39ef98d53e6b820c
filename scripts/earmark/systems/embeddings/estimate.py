"""What embeddings will cost in bytes and seconds, before any is made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from earmark.core.errors import UserError
from earmark.models.contract import MARKS, Audio
from earmark.models.sizes import Depth
from earmark.systems.embeddings.layers import Layer


@dataclass(frozen=True)
class Request:
    """What decides the size: the audio, the layers, and how they are stored."""

    durations: Sequence[float]
    layers: Sequence[Layer]
    depth: Depth
    pooling: str
    span: str
    bytes_per_value: int
    prompt_tokens: int
    audio: Audio


def size(request: Request, pooling: str | None = None, layers: Sequence[Layer] | None = None) -> int:
    """Return the bytes of the states, optionally with another pooling or other layers."""
    pooled = (pooling or request.pooling) != "none"
    total = 0.0
    for layer in layers if layers is not None else request.layers:
        lm = layer.part == "lm"
        wide = lm or layer.part == "projector"
        width = request.depth.lm_width if wide else request.depth.encoder_width
        text = request.prompt_tokens if lm and request.span != "audio" else 0
        for seconds in request.durations:
            audio = 0.0 if lm and request.span == "text" else seconds * layer.rows_per_second(request.audio)
            total += width * (1 if pooled else audio + text) * request.bytes_per_value
            # A pooled vector also stands in the index, as float32.
            total += width * 4 if pooled else 0
    return int(total)


def seconds(
    request: Request, durations: Sequence[float], encoder_parameters: int, lm_parameters: int, speed: float
) -> float:
    """Return about how long computing takes: two operations per parameter and token."""
    heard = sum(durations)
    tokens = heard * request.audio.tokens_per_second + request.prompt_tokens * len(durations)
    positions = heard * request.audio.positions_per_second
    return 2 * (encoder_parameters * positions + lm_parameters * tokens) / speed


def speed(device: torch.device, dtype: torch.dtype) -> float:
    """Return the operations per second of a matrix product here, from a fraction of a second of it."""
    width = 4096 if device.type == "cuda" else 512
    a = torch.randn(width, width, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        (a @ a).sum().item()
        best = min(best, time.perf_counter() - start)
    return 2 * width**3 / best


def check(request: Request, budget_gb: float, where: str) -> None:
    """Refuse what would exceed the budget.

    Raises:
        UserError: names the size, the budget and what would need less.

    """
    needed = size(request)
    if needed <= budget_gb * 1e9:
        return
    cheaper = []
    if request.pooling == "none":
        cheaper.append(f"pooling: mean ({shown(size(request, pooling='mean'))})")
    if request.bytes_per_value > 2:
        cheaper.append(f"dtype: float16 ({shown(needed * 2 // request.bytes_per_value)})")
    if len(request.layers) > 1:
        last = max(request.layers, key=lambda layer: (layer.part == "lm", layer.index or 0))
        cheaper.append(f"layers: [{last.name}] alone ({shown(size(request, layers=[last]))})")
    if request.pooling == "none" and request.span == "all" and request.prompt_tokens:
        cheaper.append("span: text or audio")
    raise UserError(
        f"{where}: {len(request.layers)} layers of {len(request.durations)} clips take {shown(needed)}, "
        f"budget_gb allows {budget_gb:g} GB; cheaper: {', '.join(cheaper) or 'fewer clips'}; "
        "or raise embeddings.budget_gb"
    )


def shown(size: float) -> str:
    """Return bytes as people read them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"


def prompt_tokens(prompt: str) -> int:
    """Return about how many text tokens a prompt has, from its letters; enough for an estimate."""
    return 2 + len(prompt.replace(MARKS.whole, "")) // 4


def line(
    name: str,
    request: Request,
    durations: Sequence[float],
    parts: Sequence[nn.Module | None],
    dtype: torch.dtype,
) -> str:
    """Return what is said before a job starts: disk, its own and the whole task's, and time.

    ``parts`` are the audio encoder and, where it is needed, the language model.
    """
    encoder, lm = (
        0 if p is None else sum(w.numel() for n, w in p.named_parameters() if "embed" not in n) for p in parts
    )
    device = next(weight.device for part in parts if part is not None for weight in part.parameters())
    took = seconds(request, durations, encoder, lm, speed(device, dtype))
    own, total = size(replace(request, durations=durations)), size(request)
    return (
        f"{name}: {len(durations)} clips, {len(request.layers)} layers, about {shown(own)} on disk "
        f"({shown(total)} for the whole task) and {shown_seconds(took)}"
    )


def shown_seconds(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
