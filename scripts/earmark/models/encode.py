"""Run the audio encoder over a shard once; every method, ratio and prompt reads the result."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from earmark.core.checksums import STATES
from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256
from earmark.core.progress import beating, tqdm
from earmark.core.records import SKIPPED, Clip
from earmark.core.timing import StageClock
from earmark.data import shards
from earmark.models.contract import Attending, Audio, AudioEncoder
from earmark.models.features import FeatureRow, scores_key, timed, write_index
from earmark.reduction.encoder_scores import LOUDNESS, loudness


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
    """Write the states of every clip of a shard and the index that says how long each step took.

    Beside its states a clip has scores of its tokens: how loud they are and, from an encoder that tells,
    what its last layer attends to.
    Clips are encoded together up to ``batch_s`` seconds of audio; a batch's time is shared out by
    length. The first clip is encoded once beforehand, untimed.

    Raises:
        UserError: the tar and its index disagree.

    """
    by_key = {clip.key: clip for clip in clips if clip.ok}
    rows = {clip.key: FeatureRow(clip, 0, 0.0, 0.0, 0.0) for clip in clips}
    states: dict[str, Tensor] = {}
    scores: dict[str, Tensor] = {}
    waiting: list[tuple[str, Tensor]] = []
    sounds: dict[str, Tensor] = {}

    def flush() -> None:
        clock = StageClock(encoder.device)
        with clock.stage("encode"):
            encoded = heard(encoder, [mel for _, mel in waiting])
        frames = sum(mel.shape[1] for _, mel in waiting)
        for (key, mel), (state, told) in zip(waiting, encoded, strict=True):
            # A row of a larger batch would keep the whole batch alive in memory and on disk.
            states[key] = state.cpu().contiguous()
            told[LOUDNESS] = loudness(sounds.pop(key), len(state), audio.samples_per_token)
            scores.update({scores_key(key, name): each.cpu().clone() for name, each in told.items()})
            rows[key].tokens = len(state)
            rows[key].encode_s = clock.seconds["encode"] * mel.shape[1] / frames
        waiting.clear()

    with tqdm(total=len(by_key), desc=f"encoding {tar.name}", unit="clip") as bar, beating(bar):
        for (key, samples), load_s in timed(shards.stream(tar, audio.sample_rate)):
            if key in rows and rows[key].clip.status == SKIPPED:
                continue
            if key not in by_key:
                raise UserError(f"{tar} holds '{key}', unknown to its index; delete both to make them again")
            start = time.perf_counter()
            mel = encoder.mel(samples)
            rows[key].load_s, rows[key].mel_s = load_s, time.perf_counter() - start
            if not states and not waiting:
                heard(encoder, [mel])
            waiting.append((key, mel))
            sounds[key] = torch.from_numpy(samples)
            if sum(m.shape[1] for _, m in waiting) >= batch_s * audio.mel_per_second:
                flush()
            bar.update()
        if waiting:
            flush()
    if len(states) != len(by_key):
        raise UserError(
            f"{tar} holds {len(states)} of {len(by_key)} clips of its index; delete both to make them again"
        )
    with replacing(output) as partial:
        save_file(states | scores, partial)
        partial.chmod(0o644)
        written = sha256(partial)
    write_index(index, [rows[clip.key] for clip in clips], metadata | {STATES: written})


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
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: the encoder states need {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free; "
            "make space, or run from a larger disk with --directory"
        )
