"""What evaluating a model on the clips will take: an estimate from sizes alone, before anything runs.

Two operations per multiply-add; prompts of :data:`PROMPT_TOKENS`, nothing pruned, one pass over every
clip. What a machine makes of the operations differs by its efficiency, so times are given at a rate.
"""

from __future__ import annotations

from earmark.core.files import Json
from earmark.models.contract import Audio
from earmark.models.costs import Costs
from earmark.models.sizes import Sizes

PROMPT_TOKENS = 60
"""Text tokens around the audio: a question, four options, the template. A guess."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

SPEEDS = {"1 TFLOP/s (some CPU cores)": 1e12, "100 TFLOP/s (a data-centre GPU)": 1e14}


def parameters(sizes: Sizes) -> float:
    """Return about how many weights a model of these sizes has, embeddings and head included."""
    return float(sizes.layers * sizes.layer + sizes.tower + 2 * sizes.vocabulary * sizes.hidden)


def estimate(model: Costs, lengths: Json, over_limit: int) -> Json:
    """Return what one pass over the clips takes.

    ``lengths`` as :func:`earmark.data.audit.lengths.describe` gives them; ``over_limit`` clips are longer
    than the model's ``max_audio_s``. Bytes and operations are None for models of
    unknown size.
    """
    count, mean_s, std_s = lengths["count"], lengths["mean"], lengths["std"]
    audio, sizes = model.audio, model.sizes
    rate = audio.tokens_per_second
    mean, longest = mean_s * rate, lengths["max"] * rate
    found: Json = {
        "clips": count,
        "clips_over_max_audio_s": over_limit,
        "max_audio_s": model.max_audio_s,
        "audio_tokens": round(mean * count),
        "encoder_flops": None,
        "prefill_flops": None,
        "kv_cache_bytes_longest_clip": None,
        "feature_bytes": None,
        "seconds_at": None,
        "scale": None,
    }
    if sizes is None:
        return found
    width = BYTES[model.dtype]
    tokens = mean + PROMPT_TOKENS
    # The mean of the squares follows from mean and deviation: no second pass over the clips.
    squares = tokens**2 + (std_s * rate) ** 2
    prefill = sizes.layers * count * 2 * (sizes.passed * tokens + squares * sizes.queries)
    encoder = count * mean_s * _tower(sizes, audio, mean_s)
    per_token = 2 * sizes.layers * sizes.keys * width
    seconds = {name: (prefill + encoder) / speed for name, speed in SPEEDS.items()}
    return found | {
        "encoder_flops": encoder,
        "prefill_flops": prefill,
        "kv_cache_bytes_longest_clip": round(per_token * (longest + PROMPT_TOKENS)),
        "feature_bytes": round(mean * count * sizes.hidden * width),
        "seconds_at": seconds,
        "scale": {name: scale(value) for name, value in seconds.items()},
    }


def _tower(sizes: Sizes, audio: Audio, seconds: float) -> float:
    """Return the operations of the audio tower for a second of a clip of so many seconds."""
    if sizes.audio_flops:
        return float(sizes.audio_flops)
    within = audio.attention_s or audio.window_s or seconds
    attending = sizes.audio_layers * 4 * within * audio.positions_per_second * sizes.audio_hidden
    return audio.positions_per_second * (2 * sizes.tower + attending)


def scale(seconds: float) -> str:
    """Return the class of a time: what to expect, not when it ends."""
    for name, limit in (("seconds", 90), ("minutes", 5400), ("hours", 48 * 3600)):
        if seconds < limit:
            return name
    return "days"
