"""The contract of an encoder, tried out: what it takes, what it returns, whether that can be relied on."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from earmark.models.towers import RATE
from earmark.systems.encoders.check.finding import Finding

LENGTHS = (50_000, 24_635, 4_584)
"""Samples of the clips of a ragged batch."""
ALIKE = 1e-3
"""Features that differ by less, relative to their size, are taken for the same."""
SLACK = 2
"""Frames by which a clip may be longer or shorter in a batch: of the windows at its end."""


@dataclass(frozen=True)
class Heard:
    """What an encoder returned for a batch, once it is known to have the right form."""

    features: Tensor
    mask: Tensor | None

    def clip(self, row: int) -> Tensor:
        """Return the features of a clip without padding."""
        if self.mask is None:
            return self.features[row]
        return self.features[row, : int(self.mask[row].sum())]


def ragged(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return three clips of different lengths, padded with zeros, and their mask."""
    drawn = torch.Generator().manual_seed(0)
    audio = torch.zeros(len(LENGTHS), max(LENGTHS))
    mask = torch.zeros(audio.shape, dtype=torch.int32)
    for row, length in enumerate(LENGTHS):
        audio[row, :length] = torch.randn(length, generator=drawn) * 0.1
        mask[row, :length] = 1
    return audio.to(device), mask.to(device)


def signature(tower: nn.Module) -> Iterator[Finding]:
    """Look at what it is and takes, without running it."""
    try:
        width = getattr(tower, "output_dim", None)
    except Exception as error:  # the user's code: a property may raise anything
        width = error
    if isinstance(width, int) and not isinstance(width, bool) and width > 0:
        yield Finding("output_dim", "ok", f"features are {width} wide")
    else:
        yield Finding(
            "output_dim", "wrong", f"it is {width!r}", "set self.output_dim to the width of the features"
        )
    parameters = inspect.signature(tower.forward).parameters.values()
    open_ended = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    places = sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters)
    if open_ended or places >= 2:
        yield Finding("forward", "ok", "takes audio and its mask")
    else:
        yield Finding(
            "forward", "wrong", f"takes {places} argument(s)",
            "declare it as forward(self, audio, audio_attention_mask=None)",
        )  # fmt: skip


def form(result: object, clips: int, width: int) -> Finding | Heard:
    """Return what came out of a forward pass, or what is wrong with its form."""
    cure = "return (features [clips, frames, output_dim], mask [clips, frames] or None)"
    if not isinstance(result, tuple | list) or len(result) != 2:
        return Finding("result", "wrong", f"a {type(result).__name__}, no pair", cure)
    features, mask = result
    if not isinstance(features, Tensor):
        return Finding("result", "wrong", f"features are of type {type(features).__name__}, no tensor", cure)
    if features.ndim != 3:
        return Finding(
            "result", "wrong", f"features are {tuple(features.shape)}, not three-dimensional", cure
        )
    if features.is_meta:
        return Finding(
            "result", "wrong", "features hold no values (device meta)", "load its weights onto a device"
        )
    if not features.dtype.is_floating_point:
        dtype = str(features.dtype).removeprefix("torch.")
        return Finding("dtype", "wrong", f"features are {dtype}", "return floating-point features")
    if features.shape[0] != clips or features.shape[2] != width:
        return Finding(
            "result", "wrong", f"features are {tuple(features.shape)} for {clips} clips, width {width}", cure
        )  # fmt: skip
    if features.shape[1] == 0:
        return Finding("result", "wrong", "there is no frame at all", "give every clip a frame at least")
    if mask is None:
        return Heard(features, None)
    if not isinstance(mask, Tensor) or mask.ndim != 2 or mask.is_meta:
        return Finding("mask", "wrong", "the mask is no tensor of clips by frames with values", cure)
    if mask.shape != features.shape[:2]:
        return Finding(
            "mask", "wrong", f"the mask is {tuple(mask.shape)}, the features {tuple(features.shape)}",
            "count the mask in frames of the features, not in samples of the audio",
        )  # fmt: skip
    if not torch.isin(mask.long(), torch.tensor([0, 1], device=mask.device)).all():
        return Finding(
            "mask", "wrong", "the mask holds other values than 0 and 1", "1 keeps a frame, 0 drops it"
        )
    if (mask.long().diff(dim=1) > 0).any() or (mask.sum(1) == 0).any():
        return Finding(
            "mask", "wrong", "a clip's frames do not come first, or it has none",
            "put padding behind each clip's frames, and keep one frame at least",
        )  # fmt: skip
    return Heard(features, mask)


def tried(tower: nn.Module, audio: Tensor, mask: Tensor | None, what: str) -> Finding | Heard:
    """Return what the encoder makes of a batch, or what is wrong with it; nothing it raises gets out."""
    try:
        with torch.no_grad():
            result = tower(audio, mask)
    except (Exception, SystemExit) as error:  # the user's code: what it raises is what the page has to say
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return Finding(what, "wrong", f"fails ({words})", "mend forward(); the audio is [clips, samples]")
    return form(result, len(audio), int(getattr(tower, "output_dim", 0)))


def values(heard: Heard, audio: Tensor) -> Iterator[Finding]:
    """Look at device, precision and values of features, and at what became of the audio."""
    if heard.features.device == audio.device:
        yield Finding("device", "ok", f"features stay on {audio.device}")
    else:
        yield Finding("device", "note", f"features come on {heard.features.device}; they are moved")
    dtype = str(heard.features.dtype).removeprefix("torch.")
    yield Finding("dtype", "ok", f"features are {dtype}")
    bad = int((~heard.features.float().isfinite()).sum())
    if bad:
        yield Finding(
            "values", "wrong", f"{bad} are not finite", "look for a division by the level of silence"
        )
    else:
        yield Finding("values", "ok", "all are finite")
    if not torch.equal(audio, ragged(audio.device)[0]):
        yield Finding(
            "audio", "wrong", "forward() changes the audio it is given", "begin with audio = audio.clone()"
        )


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two clips' features are the same but for rounding."""
    if first.shape != second.shape:
        return False
    size = float(first.float().abs().max())
    return float((first.float() - second.float()).abs().max()) <= ALIKE * max(size, 1e-6)


def odd_clips(tower: nn.Module, device: torch.device) -> Iterator[Finding]:
    """Look at clips that data sets hold and encoders are seldom tried on: silence, a tenth of a second."""
    for name, samples in (("silence", 2 * RATE), ("a short clip", RATE // 10)):
        audio = torch.zeros(1, samples, device=device)
        if name != "silence":
            audio += ragged(device)[0][:1, :samples]
        heard = tried(tower, audio, torch.ones_like(audio, dtype=torch.int32), name)
        if isinstance(heard, Finding):
            said = heard.found
        elif not heard.features.isfinite().all():
            said = "features are not finite"
        else:
            yield Finding(name, "ok", f"{samples / RATE:g} s become {len(heard.clip(0))} frames")
            continue
        cure = "add a little to what is divided by" if name == "silence" else "pad short audio with zeros"
        yield Finding(name, "note", f"{samples / RATE:g} s: {said}; such clips count as unusable", cure)


def lengths(heard: Heard) -> Finding:
    """Look at how long the clips of a ragged batch came out."""
    if heard.mask is None:
        return Finding(
            "ragged batch", "note",
            f"no mask comes back: padding is heard, {heard.features.shape[1]} frames a clip",
            "clips are encoded one by one here, which hears none",
        )  # fmt: skip
    frames = heard.mask.sum(1).tolist()
    if sorted(frames, reverse=True) != frames:
        return Finding(
            "ragged batch", "wrong", f"{list(LENGTHS)} samples become {frames} frames",
            "a shorter clip must not have more frames",
        )  # fmt: skip
    if frames[0] + SLACK < heard.mask.shape[1]:
        return Finding(
            "ragged batch", "note",
            f"of a clip without padding, the mask keeps {frames[0]} of {heard.mask.shape[1]} frames",
            "right where an encoder fills all audio up to one length; else what is dropped is lost",
        )  # fmt: skip
    seconds = sum(LENGTHS) / RATE
    return Finding(
        "ragged batch",
        "ok",
        f"{list(LENGTHS)} samples become {frames} frames, {sum(frames) / seconds:.1f} a second",
    )
