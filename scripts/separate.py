"""Separate a recording by a text: python scripts/separate.py mix.wav "a dog barking"."""

from __future__ import annotations

import re
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
    batch: Annotated[int, typer.Option(help="chunks separated together")] = 4,
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
    for each in mixtures:
        if not each.is_file():
            raise UserError(f"there is no file {each}")
    if output is not None and len(mixtures) > 1:
        raise UserError("--output names one file; leave it out for several recordings")
    if not 0 < 2 * overlap_s <= chunk_s:
        raise UserError("--overlap-s: at most half of --chunk-s")
    slug = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-") or "query"
    outputs = [output or each.with_name(f"{each.stem}-{slug}.flac") for each in mixtures]
    from earmark.systems.separation import files

    settings = {"device": device, "chunk_s": chunk_s, "overlap_s": overlap_s, "batch": batch}
    found = separator or _only()
    files.separate(mixtures, [query] * len(mixtures), found, adapter, outputs, settings, threads, wheel or [])
    for made in outputs:
        print(made)


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
