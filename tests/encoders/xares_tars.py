"""Tars in upstream's layout, of tones: a sound and what it is called; and an encoder that hears them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
TONES = {"do": 300, "re": 1000, "mi": 3000}
SPECTRUM = """
import torch

class SpectrumEncoder(torch.nn.Module):
    output_dim = 33
    def forward(self, audio, audio_attention_mask=None):
        frames = audio[:, : audio.shape[1] // 1600 * 1600].unflatten(1, (-1, 1600))
        level = torch.fft.rfft(frames).abs()[..., :800].unflatten(-1, (32, 25)).amax(-1)
        features = torch.cat([level.clamp(min=1e-3).log(), torch.ones_like(level[..., :1])], -1)
        mask = None
        if audio_attention_mask is not None:
            mask = (torch.arange(features.shape[1])[None] < (audio_attention_mask.sum(1) // 1600)[:, None]).int()
        return features, mask
"""
DEAF = SPECTRUM.replace("return features, mask", "return torch.ones_like(features), mask")


def tone(names, seconds=0.5, seed=0):
    """Return tones one after the other, a little noise on them."""
    drawn = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * TONES[name] * time + drawn.random()) for name in names]
    sound = np.concatenate(parts) * 0.4
    return (sound + 0.01 * drawn.standard_normal(len(sound))).astype(np.float32)


def wav(samples, rate=RATE):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV")
    return buffer.getvalue()


def write(path: Path, samples, members=()):
    """Write samples (key, audio bytes, what its JSON says) into a tar, gzipped where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.name.endswith(".gz") else "w") as tar:
        for key, audio, said in samples:
            for name, content in ((f"{key}.wav", audio), (f"{key}.json", json.dumps(said).encode())):
                add(tar, name, content)
        for name, content in members:
            add(tar, name, content)


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def tones(count, seed=0, several=1):
    """Return samples of tones with every kind of label."""
    names = list(TONES)
    found = []
    for number in range(count):
        chosen = [names[(number + i) % 3] for i in range(several)]
        said = {
            "label": chosen[0],
            "labels": ";".join(sorted(set(chosen))),
            "trans": " ".join(chosen),
            "captions": [f"a {chosen[0]} tone", f"the sound of a {chosen[0]} tone"],
        }
        found.append((f"clip_{number:03d}", wav(tone(chosen, seed=seed + number)), said))
    return found
