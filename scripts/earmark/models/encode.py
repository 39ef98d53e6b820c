"""Run the audio encoder over a shard once; every method, ratio and prompt reads the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from earmark.core import disk
from earmark.core.checksums import STATES
from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256
from earmark.core.progress import tqdm
from earmark.core.records import SKIPPED, Clip
from earmark.core.timing import StageClock
from earmark.data import shards
from earmark.models.contract import Attending, Audio, AudioEncoder
from earmark.models.features import FeatureRow, scores_key, timed, times_of, write_index, write_times
from earmark.models.state_writer import StateWriter
from earmark.reduction.encoder_scores import LOUDNESS, SCORES, loudness


def encode_shard(
    encoder: AudioEncoder,
    audio: Audio,
    tar: Path,
    clips: list[Clip],
    batch_s: float,
    output: Path,
    index: Path,
    metadata: dict[str, str],
) -> None:
    """Write the states of every clip of a shard, their index, and beside it how long each step took.

    Raises:
        UserError: as :func:`encoded`.

    """
    with replacing(output) as partial:
        with partial.open("wb") as stream:
            tensors = sum(clip.ok for clip in clips) * (2 + len(SCORES))
            writer = StateWriter(stream, tensors, {"format": "pt"})
            rows = encoded(encoder, audio, tar, clips, batch_s, writer.add)
            writer.close()
        written = sha256(partial)
    write_times(times_of(index), rows)
    write_index(index, rows, metadata | {STATES: written})


def encoded(
    encoder: AudioEncoder,
    audio: Audio,
    tar: Path,
    clips: list[Clip],
    batch_s: float,
    keep: Callable[[str, Tensor], object],
) -> list[FeatureRow]:
    """Give ``keep`` the states [tokens, width] and scores of every clip of a shard; return how that went.

    Beside its states a clip has scores of its tokens: how loud they are and, from an encoder that tells,
    what its last layer attends to.
    Clips are encoded together up to ``batch_s`` seconds of audio; a batch's time is shared out by
    length. The first clip is encoded once beforehand, untimed.

    Raises:
        UserError: the tar and its index disagree.

    """
    by_key = {clip.key: clip for clip in clips if clip.ok}
    rows = {clip.key: FeatureRow(clip, 0) for clip in clips}
    seen: set[str] = set()
    waiting: list[tuple[str, Tensor]] = []
    sounds: dict[str, Tensor] = {}

    def flush() -> None:
        clock = StageClock(encoder.device)
        with clock.stage("encode"):
            made = heard(encoder, [mel for _, mel in waiting])
        frames = sum(mel.shape[1] for _, mel in waiting)
        for (key, mel), (state, told) in zip(waiting, made, strict=True):
            keep(key, state)
            told[LOUDNESS] = loudness(sounds.pop(key), len(state), audio.samples_per_token)
            for name, values in told.items():
                keep(scores_key(key, name), values)
            rows[key].tokens = len(state)
            rows[key].encode_s = clock.seconds["encode"] * mel.shape[1] / frames
        bar.update(len(waiting))
        waiting.clear()

    with tqdm(total=len(by_key), desc=f"encoding {tar.name}", unit="clip") as bar:
        for (key, samples), load_s in timed(shards.stream(tar, audio.sample_rate)):
            if key in rows and rows[key].clip.status == SKIPPED:
                continue
            if key not in by_key:
                raise UserError(f"{tar} holds '{key}', unknown to its index; delete both to make them again")
            start = time.perf_counter()
            mel = encoder.mel(samples)
            rows[key].load_s, rows[key].mel_s = load_s, time.perf_counter() - start
            if not seen:
                heard(encoder, [mel])
            seen.add(key)
            waiting.append((key, mel))
            sounds[key] = torch.from_numpy(samples)
            if sum(m.shape[1] for _, m in waiting) >= batch_s * audio.mel_per_second:
                flush()
        if waiting:
            flush()
    if len(seen) != len(by_key):
        raise UserError(
            f"{tar} holds {len(seen)} of {len(by_key)} clips of its index; delete both to make them again"
        )
    return [rows[clip.key] for clip in clips]


def heard(encoder: AudioEncoder, mels: list[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Return the states of each mel and the scores that the encoder gives its tokens, if it gives any."""
    if isinstance(encoder, Attending):
        return encoder.heard(mels)
    return [(states, {}) for states in encoder.encode(mels)]


def size_estimate(clips: list[Clip], width: int, bytes_per_value: int, tokens_per_second: float) -> int:
    """Return the bytes the states of these clips will take."""
    seconds = sum(clip.duration_s for clip in clips if clip.ok)
    return int(seconds * tokens_per_second * width * bytes_per_value)


def check_space(folder: Path, needed: int) -> None:
    """Stop before the work if the disk cannot hold its result.

    Raises:
        UserError: names what is needed, what is free and how to need less.

    """
    folder.mkdir(parents=True, exist_ok=True)
    disk.check(folder, needed, "the encoder states need", "run from a larger disk with --directory")
