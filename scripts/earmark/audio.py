"""Reading, resampling and writing audio.

Decoding is libsndfile's (soundfile), resampling soxr's at high quality. Audio is float32 mono in
[-1, 1]; several channels are averaged, the one policy here, recorded as such.
"""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earmark import ffmpeg

MIN_SECONDS = 0.03
"""Shorter clips give the audio encoders no token at all (measured on the Whisper front end)."""


class AudioError(Exception):
    """A file that cannot be used; its text is the reason kept in the manifest."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself, without decoding it."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read a file's header.

    Raises:
        AudioError: missing, empty, not audio, or too short.

    """
    if not path.is_file():
        raise AudioError("missing")
    if path.stat().st_size == 0:
        raise AudioError("empty file")
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"unreadable ({error.error_string.rstrip('.')})") from None
    header = Header(info.frames / info.samplerate, info.samplerate, info.channels)
    check_length(info.frames, info.samplerate)
    return header


def check_length(frames: int, sample_rate: int) -> None:
    """Raise :class:`AudioError` for audio too short to give a token."""
    if frames == 0:
        raise AudioError("no samples")
    if frames < MIN_SECONDS * sample_rate:
        raise AudioError(
            f"too short ({frames / sample_rate * 1000:.0f} ms, at least {MIN_SECONDS * 1000:.0f})"
        )


def read(
    source: Path | BinaryIO,
    sample_rate: int,
    start_s: float = 0.0,
    end_s: float | None = None,
    *,
    channels: str = "mean",
) -> NDArray[np.float32]:
    """Decode ``[start_s, end_s)`` of a file as mono at ``sample_rate``; returns [samples].

    ``channels``: what several channels become, their ``mean`` or the ``first``.

    Raises:
        AudioError: the file cannot be decoded, ends before ``end_s``, or is too short.

    """
    try:
        with soundfile.SoundFile(source if not isinstance(source, Path) else str(source)) as file:
            rate = file.samplerate
            first = round(start_s * rate)
            count = -1 if end_s is None else round(end_s * rate) - first
            file.seek(min(first, file.frames))
            frames = file.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        if not isinstance(source, Path):
            raise AudioError(f"undecodable ({error.error_string.rstrip('.')})") from None
        frames, rate = _ffmpeg(source, start_s, end_s)
        count = -1 if end_s is None else round(end_s * rate) - round(start_s * rate)
    if count >= 0 and len(frames) < count:
        raise AudioError(f"decodes to {len(frames) / rate:.2f} s, {count / rate:.2f} s expected")
    check_length(len(frames), rate)
    mono = frames[:, 0] if frames.shape[1] == 1 or channels == "first" else frames.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError("holds samples that are not finite numbers")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    return np.ascontiguousarray(mono, dtype=np.float32)


def _ffmpeg(path: Path, start_s: float, end_s: float | None) -> tuple[NDArray[np.float32], int]:
    """Decode a stretch of what libsndfile cannot read; returns [samples, channels] and the rate."""
    command = [ffmpeg.executable(), "-nostdin", "-hide_banner", "-loglevel", "error"]
    command += ["-protocol_whitelist", "file", "-i", f"file:{path}", "-map", "0:a:0", "-ss", f"{start_s:.6f}"]
    command += [] if end_s is None else ["-t", f"{end_s - start_s:.6f}"]
    done = subprocess.run([*command, "-c:a", "pcm_f32be", "-f", "au", "-"], capture_output=True, check=False)
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        code = "no audio" if any("matches no streams" in line for line in lines) else "undecodable"
        raise AudioError(f"{code} ({lines[-1].replace(str(path.parent), '')[:200]})")
    with soundfile.SoundFile(io.BytesIO(done.stdout)) as file:
        return file.read(dtype="float32", always_2d=True), int(file.samplerate)


def flac_bytes(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode mono audio as 16-bit FLAC; louder than full scale is clipped, as any player would.

    Samples that come from 16 bits go back to the same 16 bits: libsndfile's own conversion scales by
    32767 and would not.
    """
    buffer = io.BytesIO()
    whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(buffer, whole, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
