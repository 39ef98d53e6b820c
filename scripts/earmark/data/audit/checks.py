"""What can be said against a clip by looking at its row alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.audio.decoded import MIN_SECONDS
from earmark.core.records import FAILED, UNUSED, Clip, Measures, reason_code

SILENT_SHARE = 0.99
SILENT_DB = -60.0
MOSTLY_SILENT_SHARE = 0.5
CLIPPED_SHARE = 0.001

CONTAINERS = {
    ".wav": {"wav", "wavex", "rf64"},
    ".wave": {"wav", "wavex", "rf64"},
    ".flac": {"flac"},
    ".ogg": {"ogg"},
    ".oga": {"ogg"},
    ".opus": {"ogg"},
    ".mp3": {"mp3", "mpeg"},
    ".aiff": {"aiff"},
    ".aif": {"aiff"},
    ".au": {"au"},
    ".caf": {"caf"},
    ".sph": {"nist", "sphere"},
    ".w64": {"w64"},
    ".m4a": {"mov", "mp4", "m4a"},
    ".mp4": {"mov", "mp4", "m4a"},
    ".webm": {"webm", "matroska"},
    ".mka": {"webm", "matroska"},
    ".mkv": {"webm", "matroska"},
    ".aac": {"aac"},
    ".wma": {"asf"},
}
"""Per file name ending, what decoders call the containers it may stand for."""

Seen = tuple[str, str]
"""Code of a finding and its details, which may be empty."""


def seen(clip: Clip) -> Iterator[Seen]:
    """Yield what is wrong with a clip: code (one of :mod:`earmark.data.audit.findings`) and details."""
    if clip.status == FAILED:
        yield f"failed: {reason_code(clip.reason)}", clip.reason
        return
    if clip.status == UNUSED:
        yield "unused", clip.reason
        return
    if clip.duration_s < MIN_SECONDS:
        yield "too_short", f"{1000 * clip.duration_s:.0f} ms"
    if not clip.licence:
        yield "no_licence", ""
    if clip.measures:
        yield from _heard(clip, clip.measures)


def _heard(clip: Clip, m: Measures) -> Iterator[Seen]:
    """Yield what packing heard."""
    level = f"{100 * m.silent_share:.0f} % silent, {m.rms_db:.0f} dBFS"
    if m.silent_share >= SILENT_SHARE or m.rms_db < SILENT_DB:
        yield "silent", level
    elif m.silent_share >= MOSTLY_SILENT_SHARE:
        yield "mostly_silent", level
    if m.clipped_share > CLIPPED_SHARE:
        yield "clipped", f"{100 * m.clipped_share:.2f} % of samples at full scale"
    if 0 < m.source_rate < clip.sample_rate:
        yield "upsampled", f"{m.source_rate} Hz packed at {clip.sample_rate}"
    if m.streams and m.streams > 1:
        yield "several_streams", f"{m.streams} in one file"
    if m.tracks and m.tracks > 1:
        yield "several_tracks", f"{m.tracks} in one file"
    if m.filled_s:
        yield "gaps", f"{m.filled_s:.2f} s without sound in the file"
    ending = Path(clip.parts[0].path).suffix.lower() if clip.parts else ""
    really = {name.strip().lower() for name in m.container.split(",")} - {""}
    if really and ending in CONTAINERS and not really & CONTAINERS[ending]:
        yield "mislabelled", f"{ending} holds {m.container}"
