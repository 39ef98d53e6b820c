"""Collect a data set's recordings: from its source to a manifest with one row per recording."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

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
    source = given(settings)
    folder = output.parent / "source"
    module = importlib.import_module(f"earmark.data.sources.{source['kind']}")
    origin = source["kind"]
    if "hub" in source:
        source["root"], origin = _hub(source, module, folder, threads)
    elif "archive" in source and not ("root" in source and Path(source["root"]).expanduser().is_dir()):
        from earmark.data.sources.archive import unpacked

        root, origin = unpacked(source["archive"])
        source["root"] = str(root)
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


def _hub(source: dict[str, Any], module: Any, folder: Path, threads: int) -> tuple[str, str]:
    """Bring down a hub data set; return its folder and where its recordings come from."""
    from earmark.data.sources.hub import snapshot  # slow to import, and most sources need no hub

    hub = source["hub"]
    wanted = module.wanted(source) if hasattr(module, "wanted") else ["*"]
    root, commit = snapshot(
        hub["repo"], hub["revision"], hub["allow"] or wanted, folder / "checked.json", threads
    )
    return str(root), f"hub:{hub['repo']}@{commit}"


if __name__ == "__main__":
    cli.run(main)
