"""The table of texts: the labels of a task's clips, or the queries of a benchmark, as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.core import devices
from earmark.core.errors import UserError
from earmark.core.records import iter_manifest
from earmark.systems.separation.asked import Texts
from earmark.systems.separation.query import load
from earmark.systems.separation.query.table import Table, spoken
from earmark.systems.separation.sets import tables


def make(
    settings: Texts, indexes: Sequence[Path], wheels: Sequence[Path], output: Path, threads: int
) -> None:
    """Embed every text once and write the table.

    Args:
        settings: which texts, and the encoder.
        indexes: of a task's shards; none for a benchmark, whose texts are in its table.
        wheels: that the encoder lies in, if any.
        output: the table to write.
        threads: of this process.

    Raises:
        UserError: there is no text, or the encoder can't be read.

    """
    found = settings.mixtures
    if found is None:
        labels = {label for index in indexes for clip in iter_manifest(index) for label in clip.labels}
        texts = sorted(map(spoken, labels))
    else:
        texts = tables.queries(found.layout, Path(str(found.table)).expanduser(), found.query)
    if not texts:
        raise UserError("there is no text to embed: no clip has a label")
    encoder = load.text_encoder(settings.text, devices.prepare(settings.device, threads), wheels)
    Table.made(encoder, texts).write(output)
    print(f"{len(texts)} texts", flush=True)
