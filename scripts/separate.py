"""Separate a recording by a text: python scripts/separate.py mix.wav "a dog barking"."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from earmark.core import cli
from earmark.core.errors import UserError


def main(
    recordings: Annotated[list[Path], typer.Argument(help="one or more recordings, and last the query")],
    separator: Annotated[
        Path | None, typer.Option(help="record of the separator; by default the only one in separators/")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="record of a domain's adapter to use")] = None,
    output: Annotated[
        Path | None, typer.Option(help="file to write, of one recording (.flac, .wav, .ogg)")
    ] = None,
    device: str = "auto",
    chunk_s: Annotated[
        float, typer.Option(help="longer recordings are separated in chunks of so long")
    ] = 10.0,
    overlap_s: Annotated[float, typer.Option(help="seconds that neighbouring chunks share")] = 1.0,
    batch: Annotated[
        int | None, typer.Option(help="chunks separated together; by default what suits the device")
    ] = None,
    wheel: Annotated[
        list[Path] | None, typer.Option(help="wheel with the text encoder, repeat; by default in wheels/")
    ] = None,
    threads: int = 2,
) -> None:
    """Write <recording>-<query>.flac beside each recording, in its rate, channels and length."""
    *mixtures, asked = recordings
    query = str(asked)
    if not mixtures:
        raise UserError('give recordings and, last, what to hear: separate.py mix.wav "a dog barking"')
    if not query.strip():
        raise UserError("the query, the last argument, says nothing; name what to hear")
    for each in mixtures:
        if not each.is_file():
            raise UserError(f"there is no file {each}; recordings come first, and last the query in quotes")
    if output is not None and len(mixtures) > 1:
        raise UserError("--output names one file; leave it out for several recordings")
    if not (0 < 2 * overlap_s <= chunk_s < inf):
        raise UserError("--overlap-s: more than 0, and at most half of --chunk-s")
    if threads < 1 or batch is not None and batch < 1:
        raise UserError("--batch and --threads: at least 1")
    outputs = [output or each.with_name(f"{each.stem}-{_slug(query)}.flac") for each in mixtures]
    _check_apart(mixtures, outputs)
    found = separator or _only()
    from earmark.systems.separation import files
    from earmark.systems.separation.audio import Chunks

    chunks = Chunks(chunk_s, overlap_s, batch)
    for made in files.separate(
        mixtures, query, found, adapter, outputs, chunks, device, threads, wheel or []
    ):
        print(made, flush=True)


def _slug(query: str) -> str:
    """Return a query as a part of a file's name, in any alphabet."""
    return re.sub(r"[\W_]+", "-", query.lower())[:80].strip("-") or "query"


def _check_apart(mixtures: list[Path], outputs: list[Path]) -> None:
    """Check that no output is written over another, or over a recording; raises UserError."""
    taken = {each.resolve(): each for each in mixtures}
    for each, made in zip(mixtures, outputs, strict=True):
        other = taken.setdefault(made.resolve(), each)
        if other is not each or made.resolve() == each.resolve():
            raise UserError(f"{each} would be written to {made}, as is {other}; rename one, or give --output")


def _only() -> Path:
    """Return the one separator that is made; raises UserError if there is none, or more."""
    found = sorted(Path("separators").glob("*/separator.json"))
    if len(found) != 1:
        said = ", ".join(map(str, found)) or "none"
        raise UserError(
            f"separators/ holds {said}: name one by --separator, or make one (docs/separation.md)"
        )
    return found[0]


if __name__ == "__main__":
    cli.run(main)
