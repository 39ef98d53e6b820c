"""Collect a data set's recordings: from its source to a manifest with one row per recording."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from earmark.config import source as sources
from earmark.config.source import Rooted
from earmark.core import cli
from earmark.core.given import given
from earmark.core.records import Clip, Tally, write_manifest
from earmark.data.sources.identity import apart
from earmark.data.sources.labels import Labels


def main(
    settings: Annotated[str, typer.Option(help="JSON file: the task's data.source")],
    output: Annotated[Path, typer.Option(help="manifest of recordings to write (Parquet)")],
    seed: int = 0,
    max_failed_share: Annotated[float, typer.Option(help="share of recordings that may fail")] = 0.0,
    threads: int = 1,
    labels: Annotated[str, typer.Option(help="JSON: the task's data.labels")] = "{}",
    allow_overlap: Annotated[
        list[str] | None, typer.Option(help="overlap_source, overlap_audio: recordings may be in two splits")
    ] = None,
) -> None:
    """Collect recordings from the source and list them."""
    source = sources.read(given(settings), "data.source")
    folder = output.parent / "source"
    module = importlib.import_module(f"earmark.data.sources.{source.kind}")
    origin = source.kind
    if isinstance(source, Rooted):
        place, origin = _place(source, module, folder, threads)
        source = source.model_copy(update={"root": place})
    tally = Tally()

    def recordings() -> Iterator[Clip]:
        listed = Labels(**given(labels)).watch(module.collect(source, folder, seed, threads))
        found = apart(listed, allow_overlap or [])
        for clip in tally.watch(found):
            clip.origin = clip.origin or origin
            yield clip
        for line in tally.first:
            print(f"cannot be used: {line}", flush=True)
        # Within the writing, so that too many failures leave no manifest.
        tally.check(max_failed_share, str(output))

    write_manifest(output, recordings())


def _place(source: Rooted, module: Any, folder: Path, threads: int) -> tuple[str | None, str]:
    """Return the folder to read, brought down if need be, and where its recordings come from."""
    if source.hub is not None:
        from earmark.data.sources.hub import snapshot  # slow to import, and most sources need no hub

        hub = source.hub
        wanted = module.wanted(source) if hasattr(module, "wanted") else ["*"]
        root, commit = snapshot(hub.repo, hub.revision, hub.allow or wanted, folder / "checked.json", threads)
        return str(root), f"hub:{hub.repo}@{commit}"
    if source.archive is not None and not (source.root and source.place.is_dir()):
        from earmark.data.sources.archive import unpacked

        root, origin = unpacked(source.archive)
        return str(root), origin
    return source.root, source.kind


if __name__ == "__main__":
    cli.run(main)
