"""How much memory a job of a model needs: from the weights' index or the sizes, and how they are loaded.

Asked for as ``mem_mb`` by the rules, shown by the doctor, and named when memory runs out. What is held is
counted exactly (docs/low_memory.md has the same sums); what passes through is bounded from above for a
batch as full as config allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from earmark.config.load import Load
from earmark.core import memory
from earmark.core.errors import UserError
from earmark.models.contract import Audio, Family
from earmark.models.families import family
from earmark.models.outline import Outline, sizes_of
from earmark.models.sizes import Sizes
from earmark.models.weight_files import INDEX, SINGLE, needed_files, read_header

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
PROCESS = 1_500_000_000
"""Bytes of Python, torch, transformers and what they keep; measured 0.6 to 1.2 GB."""
FOUR_BIT = 0.5 + 4 / 64
"""Bytes of a weight in four bits, a float32 scale per 64 of them."""
KEPT_STATES = 8
"""States [tokens, hidden] of a batch that are kept for other methods of the same pass at most."""
KEPT_LAYERS = 3
"""Results of a convolutional tower that are there at once: a layer's, what goes round it, what it makes."""
WINDOWS = 32
"""Windows that an encoder takes together at most."""


@dataclass(frozen=True)
class Need:
    """Bytes of memory: of weights, and in all."""

    weights: int
    total: int

    @property
    def mem_mb(self) -> int:
        """The total as rules count it, rounded up to hundreds."""
        return -(-self.total // 100_000_000) * 100


UNKNOWN = Need(0, 8_000_000_000)
"""Where nothing is known of a model."""


@dataclass(frozen=True)
class Weights:
    """How many numbers each part of a model has."""

    encoder: int
    layers: tuple[int, ...]
    """Of each decoder layer."""
    rest: int
    """Embeddings and final norm of the language model."""
    head: int


def weights_of(model: Outline) -> Weights | None:
    """Return what the parts of a model hold; None if nothing is known of it.

    From the headers of a local folder's files where it is whole, else from its sizes; of a composed model
    what its parts hold, and its projector.
    """
    if model.parts is not None:
        heard, said = map(weights_of, model.parts)
        if heard is None or said is None:
            return None
        return replace(said, encoder=heard.encoder, rest=said.rest + _projector(model))
    folder, kind = model.folder, family(model.kind)
    if folder is not None:
        try:
            if (folder / INDEX).is_file() or (folder / SINGLE).is_file():
                return _stored(folder, kind)
        except UserError:
            pass  # what is wrong with it is said by its own job, and by the doctor
    sizes = sizes_of(model)
    return None if sizes is None else _computed(sizes)


def _projector(model: Outline) -> int:
    """Return the weights between the parts of a composed model, as their sizes have it."""
    sizes, shape = sizes_of(model), model.projector
    if sizes is None:
        return 0
    wide = sizes.audio_hidden * shape.stack
    return wide * sizes.hidden if shape.kind == "linear" else shape.hidden * (wide + sizes.hidden)


def _stored(folder: Path, kind: Family) -> Weights:
    """Count what lies in a folder's files."""
    parts = kind.parts
    encoder = rest = head = 0
    layers: dict[int, int] = {}
    for file in needed_files(folder, parts.unread):
        for name, place in read_header(folder / file).items():
            count = prod(place.shape)
            part = _part(name, kind)
            if part == "decoder":
                beginning = max((p for p in parts.decoder if name.startswith(p)), key=len)
                numbered = re.match(r"layers\.(\d+)\.", name[len(beginning) :])
                if numbered:
                    layers[int(numbered[1])] = layers.get(int(numbered[1]), 0) + count
                else:
                    rest += count
            elif part == "head":
                head += count
            elif part == "encoder":
                encoder += count
    return Weights(encoder, tuple(layers[number] for number in sorted(layers)), rest, head)


def _part(name: str, kind: Family) -> str | None:
    """Return the part of a tensor: that with the longest beginning of its name."""
    beginnings = {
        **dict.fromkeys(kind.parts.decoder, "decoder"),
        **dict.fromkeys(kind.parts.head, "head"),
        **dict.fromkeys((*kind.parts.encoder, *kind.parts.projector), "encoder"),
        **dict.fromkeys(kind.parts.unread, "unread"),
    }
    fitting = [beginning for beginning in beginnings if name.startswith(beginning)]
    return beginnings[max(fitting, key=len)] if fitting else None


def _computed(sizes: Sizes) -> Weights:
    """Count what a Qwen2-like decoder and a Whisper-like tower of these sizes have."""
    table = sizes.vocabulary * sizes.hidden
    tower = sizes.tower + sizes.audio_hidden * sizes.hidden
    return Weights(tower, (sizes.layer,) * sizes.layers, table, table)


def held(weights: Weights, dtype: str, load: Load) -> int:
    """Return the bytes of the language model's weights in memory."""
    width = BYTES[dtype]
    whole, layers = weights.rest + weights.head, weights.layers
    if load.mode == "layerwise":
        resident = sum(layers[: load.resident_layers])
        return width * (whole + resident + max(layers, default=0))
    if load.mode == "4bit":
        return int(width * (whole + max(layers, default=0)) + FOUR_BIT * sum(layers))
    return width * (whole + sum(layers))


def announce(need: Need) -> None:
    """Say what a job is about to need, and what there is; nothing of what isn't known."""
    if need != UNKNOWN:
        memory.announce(need.total, need.weights)


def evaluating(model: Outline, batch_audio_s: float) -> Need:
    """Return what a job needs that answers questions, ``batch_audio_s`` seconds of audio at a time."""
    weights, sizes = weights_of(model), sizes_of(model)
    if weights is None or not weights.layers:
        return UNKNOWN
    working = 0
    if sizes is not None:
        audio = family(model.kind).hears(model.projector)
        longest = min(model.max_audio_s, audio.window_s or model.max_audio_s)
        tokens = audio.tokens(max(batch_audio_s, longest))
        chunk = min(tokens, model.load.prefill_chunk or tokens)
        passing = 2 * sizes.keys * sizes.layers + (KEPT_STATES + 4) * sizes.hidden
        working = BYTES[model.dtype] * (tokens * passing + chunk * (3 * sizes.ffn + 4 * sizes.hidden))
    own = held(weights, model.dtype, model.load)
    return Need(own, PROCESS + own + working)


def encoding(model: Outline, batch_audio_s: float) -> Need:
    """Return what a job needs that encodes clips, ``batch_audio_s`` seconds of audio at a time."""
    weights, sizes = weights_of(model), sizes_of(model)
    if weights is None:
        return UNKNOWN
    width, working = BYTES[model.dtype], 0
    if sizes is not None:
        audio = family(model.kind).hears(model.projector)
        # A tower of convolutions takes one window after the other.
        seconds = _together(audio, batch_audio_s, 1 if sizes.audio_states else WINDOWS)
        # Mel and the first convolution run at twice the positions.
        per_position = 12 * sizes.audio_hidden + 2 * sizes.audio_ffn
        per_second = KEPT_LAYERS * sizes.audio_states or audio.positions_per_second * per_position
        working = int(width * seconds * per_second)
    return Need(width * weights.encoder, PROCESS + width * weights.encoder + working)


def _together(audio: Audio, batch_audio_s: float, windows: int) -> float:
    """Return the seconds of audio that a tower takes at once, ``windows`` together at most."""
    window = audio.attention_s or audio.window_s
    return batch_audio_s if window is None else min(batch_audio_s, windows * window)


def composing(model: Outline) -> Need:
    """Return what training a composed model needs: the frozen decoder, and what a batch leaves in it."""
    weights, sizes, training = weights_of(model), sizes_of(model), model.training
    if weights is None or not weights.layers or sizes is None or training is None:
        return UNKNOWN
    own = held(weights, training.dtype, Load())
    # Kept for the way back: of every layer what its matrices were given, and logits with their gradients.
    kept = sizes.layers * (12 * sizes.hidden + 4 * sizes.ffn) + 3 * sizes.vocabulary
    trained = _projector(model)
    if training.lora is not None:
        trained += training.lora.rank * sizes.layers * (12 * sizes.hidden + 3 * sizes.ffn)
    # Values, gradients and two moments, in float32.
    return Need(own, PROCESS + own + 4 * training.tokens * kept + 16 * trained)


def embedding(model: Outline, batch_audio_s: float) -> Need:
    """Return what a job needs that runs both parts of a model, all weights in memory."""
    one, other = evaluating(replace(model, load=Load()), batch_audio_s), encoding(model, batch_audio_s)
    return Need(one.weights + other.weights, one.total + other.total - PROCESS)
