"""What it costs to load clips for a tagger, epoch after epoch: stored spectrograms or loose files.

One epoch of ten-second clips in random order, each normalised and padded to 1,024 frames, loaded in one
process, in four ways that take turns; the fastest turn counts, in CPU seconds:

- from the spectrograms of rule fbank, no clip mixed;
- the same with half of the clips mixed with another's waveform, which decodes both from the shards;
- from loose FLAC files, by soundfile and the same front end;
- from loose FLAC files, by soundfile and transformers' ASTFeatureExtractor (its numpy path).

Two ratios are of the loose files' ways to the first; a third is of loose files by soundfile and our
front end, half of them mixed, to ours mixed; the fourth of the two front ends alone. What the
spectrograms cost once is printed beside, in epochs.

    python bench/tagging_loader.py [--quick]

The last line is JSON: a `_ratio` is time of the other way / our time.
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import library  # noqa: F401  (where earmark lies)
import numpy as np
import soundfile
import torch
import typer
from torch.utils.data import DataLoader, Dataset
from transformers import ASTFeatureExtractor

from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.systems.tagging import spectrograms
from earmark.systems.tagging.asked import Input
from earmark.systems.tagging.augment import Augmentation, mixed
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.dataset import Clips, collate
from earmark.systems.tagging.fbank import fbank
from earmark.systems.tagging.framing import SAMPLE_RATE
from earmark.systems.tagging.normal import Normal

SECONDS, FRAMES, BATCH = 10, 1024, 12
MEAN, STD = -4.2677393, 4.5689974
MIXED = 0.5


def sound(number: int) -> np.ndarray:
    """Ten seconds of falling tones in noise: FLAC shrinks it about as it does recordings."""
    rng = np.random.default_rng(number)
    t = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    wave = 0.01 * rng.standard_normal(len(t))
    for _ in range(6):
        pitch, at = rng.uniform(100, 3000), rng.uniform(0, SECONDS)
        wave += 0.1 * np.sin(2 * np.pi * pitch * t) * np.exp(-((t - at) ** 2) * rng.uniform(0.2, 3))
    return wave.astype(np.float32)


class Loose(Dataset[torch.Tensor]):
    """Clips decoded from loose files at each turn, a share of them mixed with another file."""

    def __init__(
        self, paths: list[Path], front: Callable[[torch.Tensor], torch.Tensor], share: float
    ) -> None:
        self._paths, self._front, self._share = paths, front, share

    def __getitem__(self, item: tuple[int, int]) -> torch.Tensor:
        index, draw = item
        rng = np.random.default_rng((0, draw))
        wave = self._read(index)
        if rng.random() < self._share:
            other = self._read(int(rng.integers(len(self._paths))))
            wave = mixed(wave, other, float(rng.beta(10, 10)))
        features = self._front(wave)[:FRAMES]
        return (torch.nn.functional.pad(features, (0, 0, 0, FRAMES - len(features))) - MEAN) / (2 * STD)

    def _read(self, index: int) -> torch.Tensor:
        return torch.from_numpy(soundfile.read(self._paths[index], dtype="float32")[0])


def stock() -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the published front end: mean off, then transformers' extractor, not normalised."""
    extractor = ASTFeatureExtractor(do_normalize=False, max_length=FRAMES)

    def front(wave: torch.Tensor) -> torch.Tensor:
        made = extractor((wave - wave.mean()).numpy(), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        found: torch.Tensor = made["input_values"][0]
        return found

    return front


def epoch(clips: Dataset, number: int, gather: Callable | None = None) -> None:
    """Load every clip once, in random order, in batches."""
    order = np.random.default_rng(1).permutation(number)
    items = [(int(index), draw) for draw, index in enumerate(order)]
    for _ in DataLoader(clips, batch_size=BATCH, sampler=items, collate_fn=gather):
        pass


def fastest(sides: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """CPU seconds of each side's fastest turn, after one that does not count."""
    best = dict.fromkeys(sides, float("inf"))
    for turn in range(turns + 1):
        for name, run in sides.items():
            started = time.process_time()
            run()
            if turn:
                best[name] = min(best[name], time.process_time() - started)
    return best


def compare(folder: Path, count: int, turns: int) -> dict[str, float]:
    """Make the files and take turns."""
    paths = [folder / f"{number:04d}.flac" for number in range(count)]
    for number, path in enumerate(paths):
        soundfile.write(path, sound(number), SAMPLE_RATE, subtype="PCM_16")

    def rows() -> Iterator[Clip]:
        for path in paths:
            part = Part(str(path), 0.0, float(SECONDS))
            yield Clip(path.stem, [path.stem], [part], SECONDS, SAMPLE_RATE, 1, "train", ["x"], key=path.stem)

    tar, stored = folder / "shard.tar", folder / "fbank.safetensors"
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        shards.write(rows, tar, tar.with_suffix(".parquet"), shards.Form(SAMPLE_RATE))
        started = time.process_time()
        spectrograms.write(tar, tar.with_suffix(".parquet"), FRAMES, stored, stored.with_suffix(".parquet"))
        once = time.process_time() - started
    tagging = Input(kind="multi_label", frames=FRAMES)
    statistics, classes = Normal(MEAN, STD), Classes(("x", "y"), ("", ""), "multi_label")

    def ours(share: float) -> Clips:
        how = Augmentation(mixup=share)
        files = ([stored.with_suffix(".parquet")], [stored], [tar])
        return Clips(*files, classes, tagging, statistics, how, partners=range(count))

    front, wave = stock(), torch.from_numpy(sound(0))
    own, own_mixed = ours(0), ours(MIXED)
    best = fastest(
        {
            "ours": lambda: epoch(own, count, collate),
            "ours mixed": lambda: epoch(own_mixed, count, collate),
            "loose": lambda: epoch(Loose(paths, fbank, 0), count),
            "loose mixed": lambda: epoch(Loose(paths, fbank, MIXED), count),
            "loose stock": lambda: epoch(Loose(paths, front, 0), count),
            "front": lambda: [fbank(wave) for _ in range(count)],
            "front stock": lambda: [front(wave) for _ in range(count)],
        },
        turns,
    )
    return {
        "loader_ratio": best["loose"] / best["ours"],
        "loader_stock_ratio": best["loose stock"] / best["ours"],
        "loader_mixed_ratio": best["loose mixed"] / best["ours mixed"],
        "fbank_ratio": best["front stock"] / best["front"],
        "loader_clips_per_s": count / best["ours"],
        "loader_mixed_clips_per_s": count / best["ours mixed"],
        "loader_loose_clips_per_s": count / best["loose"],
        "loader_stock_clips_per_s": count / best["loose stock"],
        "fbank_once_in_loose_epochs": once / best["loose"],
    }


def measure(quick: bool) -> dict[str, float]:
    """Run all in a folder that goes away afterwards."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = compare(Path(folder), 24 if quick else 120, 1 if quick else 3)
    return {name: round(value, 4) for name, value in found.items()}


def main(device: str = "cpu", quick: bool = False) -> None:
    """Measure and print; everything here runs on a CPU."""
    metrics = measure(quick)
    for name, value in metrics.items():
        print(f"{name:28}{value:12.3f}")
    print(json.dumps({"bench": "tagging_loader", "quick": quick, "device": "cpu", "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
