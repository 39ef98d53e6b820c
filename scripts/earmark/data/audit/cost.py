"""What evaluating a model on the clips will take: an estimate from sizes alone, before anything runs.

Two operations per multiply-add; prompts of :data:`PROMPT_TOKENS`, nothing pruned, one pass over every
clip. What a machine makes of the operations differs by its efficiency, so times are given at a rate.
"""

from __future__ import annotations

from typing import Any

from earmark.systems.embeddings.windows import TOKENS_PER_SECOND

PROMPT_TOKENS = 60
"""Text tokens around the audio: a question, four options, the template. A guess."""

ENCODER_FRAMES = 50
"""Frames per second inside the audio tower: 100 mel frames, halved by its second convolution."""

WINDOW_S = {"omni": 2, "qwen2_audio": 30}
"""Seconds of audio that attend to each other inside the tower, per model family."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

VOCABULARY = 152_000
"""Rows of the published models' embeddings, about."""

SPEEDS = {"1 TFLOP/s (some CPU cores)": 1e12, "100 TFLOP/s (a data-centre GPU)": 1e14}

STAND_IN = {
    "hidden": 128,
    "layers": 4,
    "heads": 4,
    "kv_heads": 2,
    "ffn": 256,
    "audio_hidden": 64,
    "audio_layers": 2,
    "audio_ffn": 128,
}
"""Sizes of a model made here, where its settings leave them out: the defaults of ``models/tiny.py``."""

_TOWER = {"audio_hidden": 1280, "audio_layers": 32, "audio_ffn": 5120}
PUBLISHED = {
    "Qwen/Qwen2.5-Omni-3B": {
        "hidden": 2048,
        "layers": 36,
        "heads": 16,
        "kv_heads": 2,
        "ffn": 11008,
        **_TOWER,
    },
    "Qwen/Qwen2.5-Omni-7B": {
        "hidden": 3584,
        "layers": 28,
        "heads": 28,
        "kv_heads": 4,
        "ffn": 18944,
        **_TOWER,
    },
    "Qwen/Qwen2-Audio-7B": {
        "hidden": 4096,
        "layers": 32,
        "heads": 32,
        "kv_heads": 32,
        "ffn": 11008,
        **_TOWER,
    },
}
PUBLISHED["Qwen/Qwen2-Audio-7B-Instruct"] = PUBLISHED["Qwen/Qwen2-Audio-7B"]


def sizes_of(model: dict[str, Any]) -> dict[str, int] | None:
    """Return a model's widths and depths as far as its settings tell them; None if they don't.

    ``model``: ``sizes`` of a model made here, or ``hub``, the repository of a published one.
    """
    if model.get("sizes") is not None:
        return STAND_IN | {key: value for key, value in model["sizes"].items() if key in STAND_IN}
    return PUBLISHED.get(model.get("hub") or "")


def parameters(sizes: dict[str, int]) -> float:
    """Return about how many weights a published model of these sizes has, embeddings and head included."""
    decoder = sizes["layers"] * _linear(sizes) / 2
    hidden = sizes["audio_hidden"]
    tower = sizes["audio_layers"] * (4 * hidden * hidden + 2 * hidden * sizes["audio_ffn"])
    return decoder + tower + 2 * VOCABULARY * sizes["hidden"]


def estimate(model: dict[str, Any], lengths: dict[str, Any], over_limit: int) -> dict[str, Any]:
    """Return what one pass over the clips takes.

    ``lengths`` as :func:`earmark.data.audit.lengths.describe` gives them; ``over_limit`` clips are longer
    than the model's ``max_audio_s``. Bytes and operations are None for models of unknown size.
    """
    count, mean_s, std_s = lengths["count"], lengths["mean"], lengths["std"]
    mean, longest = mean_s * TOKENS_PER_SECOND, lengths["max"] * TOKENS_PER_SECOND
    found: dict[str, Any] = {
        "clips": count,
        "clips_over_max_audio_s": over_limit,
        "max_audio_s": model["max_audio_s"],
        "audio_tokens": round(mean * count),
        "encoder_flops": None,
        "prefill_flops": None,
        "kv_cache_bytes_longest_clip": None,
        "feature_bytes": None,
        "seconds_at": None,
        "scale": None,
    }
    sizes = sizes_of(model)
    if sizes is None:
        return found
    width = BYTES[model["dtype"]]
    tokens = mean + PROMPT_TOKENS
    # The mean of the squares follows from mean and deviation: no second pass over the clips.
    squares = tokens**2 + (std_s * TOKENS_PER_SECOND) ** 2
    prefill = sizes["layers"] * count * (_linear(sizes) * tokens + 2 * squares * sizes["hidden"])
    encoder = count * mean_s * ENCODER_FRAMES * _tower(sizes, WINDOW_S[model["kind"]])
    head = sizes["hidden"] // sizes["heads"]
    per_token = 2 * sizes["layers"] * sizes["kv_heads"] * head * width
    seconds = {name: (prefill + encoder) / speed for name, speed in SPEEDS.items()}
    return found | {
        "encoder_flops": encoder,
        "prefill_flops": prefill,
        "kv_cache_bytes_longest_clip": round(per_token * (longest + PROMPT_TOKENS)),
        "feature_bytes": round(mean * count * sizes["hidden"] * width),
        "seconds_at": seconds,
        "scale": {name: scale(value) for name, value in seconds.items()},
    }


def _linear(sizes: dict[str, int]) -> float:
    """Return the operations of a decoder layer's matrices per token: q, k, v, o and the gated three."""
    hidden = sizes["hidden"]
    keys = hidden // sizes["heads"] * sizes["kv_heads"]
    return 2.0 * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * sizes["ffn"])


def _tower(sizes: dict[str, int], window_s: int) -> float:
    """Return the operations of the audio tower's layers per frame, attention within ``window_s``."""
    hidden = sizes["audio_hidden"]
    linear = 2 * (4 * hidden * hidden + 2 * hidden * sizes["audio_ffn"])
    return float(sizes["audio_layers"] * (linear + 4 * window_s * ENCODER_FRAMES * hidden))


def scale(seconds: float) -> str:
    """Return the class of a time: what to expect, not when it ends."""
    for name, limit in (("seconds", 90), ("minutes", 5400), ("hours", 48 * 3600)):
        if seconds < limit:
            return name
    return "days"
