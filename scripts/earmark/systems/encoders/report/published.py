"""Published scores, to lay beside ours: they are not results of this program.

Baselines of XARES-LLM's README (fp32, SmolLM2-135M; Whisper with half of its frames), and the best of the
Interspeech 2026 challenge's public leaderboard.
"""

from __future__ import annotations

NAMES = (
    *(
        "asvspoof2015",
        "cremad",
        "esc-50",
        "fluentspeechcommands",
        "freemusicarchive",
        "fsd50k",
        "fsdkaggle2018",
    ),
    *("gtzan", "libricount", "nsynth", "speechcommandsv1", "urbansound8k", "vocalsound", "voxceleb1"),
    *("voxlingua33", "aishell-1", "clotho", "librispeech", "mecat", "songdescriber"),
)
DASHENG = (
    *(
        0.937,
        0.621,
        0.755,
        0.984,
        0.429,
        0.063,
        0.415,
        0.323,
        0.386,
        0.675,
        0.655,
        0.829,
        0.855,
        0.974,
        0.311,
    ),
    *(0.018, 0.207, 0.103, 0.60, 0.41),
)
WHISPER = (
    *(
        0.943,
        0.516,
        0.635,
        0.817,
        0.579,
        0.092,
        0.552,
        0.697,
        0.409,
        0.638,
        0.694,
        0.737,
        0.867,
        0.762,
        0.835,
    ),
    *(0.361, 0.358, 0.385, 0.624, 0.448),
)
BEST = (
    *(
        0.990,
        0.879,
        0.935,
        0.996,
        0.959,
        0.339,
        0.891,
        0.939,
        0.553,
        0.788,
        0.935,
        0.896,
        0.945,
        0.985,
        0.975,
    ),
    *(0.909, 0.494, 0.934, 0.697, 0.510),
)
BASELINES = {
    "Dasheng base": dict(zip(NAMES, DASHENG, strict=True)),
    "Whisper base": dict(zip(NAMES, WHISPER, strict=True)),
    "best of the challenge": dict(zip(NAMES, BEST, strict=True)),
}
SOURCE = (
    "Published: README of xiaomi-research/xares-llm, and the public leaderboard of its challenge; trained on "
    "whole tasks by upstream's code, and not results of this program."
)
