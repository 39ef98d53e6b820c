"""A small tagging task in shards: clips of several lengths, folds and labels, made in a second."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from tagging_task import Task

from earmark.core.records import Clip, Part


@pytest.fixture(scope="session")
def task(tmp_path_factory) -> Task:
    """Twelve clips of 0.2 to 1.6 s, one of them missing, in three shards of two splits and two folds."""
    folder = tmp_path_factory.mktemp("tagging")
    made, rng = Task(), np.random.default_rng(0)
    clips = []
    for number in range(12):
        path = folder / f"{number}.wav"
        seconds = 0.2 + 0.13 * number
        labels = ["hum", "hiss", "beep"][number % 3 :]
        if number != 5:
            samples = rng.integers(-3000, 3000, round(seconds * 16000)).astype(np.int16)
            soundfile.write(path, samples, 16000)
            made.audio[f"clip {number}"] = samples.astype(np.float32) / 32768
        clips.append(
            Clip(
                f"clip {number}", [f"source {number // 2}"], [Part(str(path), 0.0, seconds)], seconds, 16000, 1,
                "test" if number >= 8 else "train", labels, key=f"clip-{number}", group=str(number // 6 + 1),
            )
        )  # fmt: skip
    made.shard(folder, "train", 0, clips[:4])
    made.shard(folder, "train", 1, clips[4:8])
    made.shard(folder, "test", 0, clips[8:])
    return made
