"""The check of an encoder: everything that can be known of it before any data is fetched."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from earmark.core import memory
from earmark.core.errors import UserError
from earmark.models import towers
from earmark.models.checkpoint import Checkpoint
from earmark.models.towers.asked import Tower
from earmark.systems.encoders.check import contract
from earmark.systems.encoders.check.contract import Heard
from earmark.systems.encoders.check.finding import Finding

RATED_S = 30
STEPS = (2, 6, 20)
LONG_S = STEPS[-1] * RATED_S
CARD_GB = 24
"""Of the challenge's machine."""


def checked(tower: Tower, checkpoint: Checkpoint | None, device: str) -> list[Finding]:
    """Return the findings about an encoder; one that cannot be made is a finding, too."""
    try:
        module = towers.load(tower, checkpoint, device)
    except UserError as error:
        return [Finding("loading", "wrong", str(error), "mend that first: nothing else could be looked at")]
    return list(_findings(module, torch.device(device), tower.batch_clips))


def _findings(tower: nn.Module, device: torch.device, together: int) -> Iterator[Finding]:
    weights = sum(weight.numel() for weight in tower.parameters())
    yield Finding("loading", "ok", f"{weights:,} parameters, frozen, in evaluation mode")
    first = list(contract.signature(tower))
    yield from first
    if any(each.verdict == "wrong" for each in first):
        return
    audio, mask = contract.ragged(device)
    bare = contract.tried(tower, audio, None, "without a mask")
    if isinstance(bare, Finding):
        yield bare
        return
    yield Finding("without a mask", "ok", f"{list(audio.shape)} samples become {list(bare.features.shape)}")
    yield from contract.values(bare, audio)
    audio, mask = contract.ragged(device)
    heard = contract.tried(tower, audio, mask, "ragged batch")
    if isinstance(heard, Finding):
        yield heard
        return
    yield contract.lengths(heard)
    again = contract.tried(tower, audio, mask, "determinism")
    yield _repeatable(heard, again)
    yield _independent(tower, heard, together, device)
    yield from contract.odd_clips(tower, device)
    yield _training_mode(tower, heard, device)
    yield from _cost(tower, device)


def _repeatable(first: Heard, second: Heard | Finding) -> Finding:
    alike = isinstance(second, Heard) and torch.equal(first.features, second.features)
    if alike:
        return Finding("determinism", "ok", "the same batch twice gives the same bits")
    if isinstance(second, Heard) and contract.same(first.features, second.features):
        return Finding("determinism", "note", "the same batch twice differs by rounding")
    return Finding(
        "determinism", "wrong", "the same batch twice gives other features",
        "draw nothing at random in evaluation mode: features are computed once and stored",
    )  # fmt: skip


def _independent(tower: nn.Module, heard: Heard, together: int, device: torch.device) -> Finding:
    """Look whether a clip's features depend on the batch it is in and the padding behind it."""
    audio, mask = contract.ragged(device)
    for row, length in enumerate(contract.LENGTHS):
        alone = contract.tried(
            tower, audio[row : row + 1, :length], mask[row : row + 1, :length], "batch and padding"
        )
        if isinstance(alone, Finding):
            return alone
        frames, there = len(alone.clip(0)), len(heard.clip(row))
        if heard.mask is not None and abs(frames - there) > contract.SLACK:
            return Finding(
                "mask", "wrong",
                f"of {length} samples it keeps {there} frames in a padded batch and {frames} alone",
                "count in the mask the frames that the clip has by itself",
            )  # fmt: skip
        if not contract.same(alone.clip(0), heard.clip(row)):
            chosen = "clips are encoded one by one, so nothing depends on it here"
            cure = "set batch_clips to 1" if together > 1 else ""
            return Finding(
                "batch and padding", "wrong" if together > 1 else "note",
                f"a clip of {length} samples has other features alone than in a padded batch; {chosen}", cure,
            )  # fmt: skip
    return Finding("batch and padding", "ok", "features depend on the clip alone; batch_clips may be raised")


def _training_mode(tower: nn.Module, heard: Heard, device: torch.device) -> Finding:
    audio, mask = contract.ragged(device)
    torch.manual_seed(0)
    tower.train()
    live = contract.tried(tower, audio, mask, "training mode")
    tower.eval()
    if isinstance(live, Heard) and contract.same(live.features, heard.features):
        return Finding("training mode", "ok", "features are the same in training mode")
    return Finding(
        "training mode", "note",
        "features differ in training mode (dropout, masking, batch statistics); unlike upstream, it stays in "
        "evaluation mode",
    )  # fmt: skip


def _cost(tower: nn.Module, device: torch.device) -> Iterator[Finding]:
    """Look at frames a second, ten minutes of audio at once, time and memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    samples = torch.randn(1, RATED_S * towers.RATE, generator=torch.Generator().manual_seed(1)) * 0.1
    started = time.perf_counter()
    heard = contract.tried(tower, samples.to(device), None, "frames a second")
    if isinstance(heard, Finding):
        yield heard
        return
    spent = time.perf_counter() - started
    frames = len(heard.clip(0))
    note = "" if frames <= 50 * RATED_S else "; the language model reads each as a token, which costs"
    yield Finding(
        "frames a second", "note" if note else "ok", f"{frames / RATED_S:.1f} ({frames} of {RATED_S} s){note}"
    )
    yield Finding(
        "speed", "ok", f"{RATED_S / spent:.1f} seconds of audio in one second on this {device.type}"
    )
    yield _long(tower, samples.to(device))
    peak = _peak(device)
    yield Finding(
        "memory", "ok" if peak < CARD_GB else "note", f"{peak:.1f} GB at most, weights and Python included"
    )


def _long(tower: nn.Module, samples: Tensor) -> Finding:
    """Try ever longer audio, and stop before memory is likely to run out."""
    name = "ten minutes of audio"
    cure = "evaluation does not cut clips (songs of minutes): encode long audio window by window"
    device = samples.device
    before, frames = _peak(device), 0
    for times in STEPS:
        seconds = times * RATED_S
        heard = contract.tried(tower, samples.repeat(1, times), None, name)
        if isinstance(heard, Finding):
            return Finding(name, "note", f"{seconds} s: {heard.found}", cure)
        grown, frames = _peak(device) - before, len(heard.clip(0))
        if seconds < LONG_S and grown * (LONG_S / seconds) ** 2 > _free(device):
            return Finding(name, "note", f"{seconds} s take {grown:.1f} GB, more was not tried", cure)
    return Finding(name, "ok", f"become {frames} frames")


def _peak(device: torch.device) -> float:
    """Return the most memory used so far, in GB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _free(device: torch.device) -> float:
    """Return the memory that is free, in GB."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 1e9
    return memory.present()[1] / 1e9
