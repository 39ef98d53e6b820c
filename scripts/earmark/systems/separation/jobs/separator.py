"""A separator's weights: read from AudioSep's checkpoint, or trained on mixtures of a task's recordings."""

from __future__ import annotations

from pathlib import Path

from earmark.core import provenance
from earmark.core.files import Json, sha256
from earmark.systems.separation import stored
from earmark.systems.separation.asked import Imported, Separator, Trained
from earmark.systems.separation.jobs.training import Job, training
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import audiosep


def imported(settings: Imported, output: Path, code: str) -> None:
    """Write the network of AudioSep's checkpoint under our names, with its checksum.

    Raises:
        UserError: the checkpoint is missing, damaged, CLAP's, or of other sizes.

    """
    path = Path(settings.checkpoint).expanduser()
    model = ResUNet(stored.sizes(settings.sizes, settings.condition))
    audiosep.load(model, path)
    more = {
        "origin": {"checkpoint": settings.checkpoint, "sha256": sha256(path)},
        "settings": settings.plain(),
        "provenance": provenance.record(code),
    }
    stored.write(model.state_dict(), _described(settings, model) | more, output)


def train(job: Job[Trained]) -> None:
    """Train a network and write it.

    Raises:
        UserError: the sounds cannot be mixed, or the loss is not finite.

    """
    settings = job.settings
    with training(job) as own:
        model = ResUNet(stored.sizes(settings.sizes, own.table.vectors.shape[1]))
        print(
            f"{len(own.train)} recordings, {len(own.valid)} to choose by, {own.recipe.steps} steps",
            flush=True,
        )
        where = f"separators.{settings.separator}.train"
        record = own.run(own.trainer(model, own.material(settings.text.scale), where))
        counts = {"train": len(own.train), "validation": len(own.valid), "failed": own.failed}
        own.write(model.state_dict(), record, {**_described(settings, model), "recordings": counts})


def _described(settings: Separator, model: ResUNet) -> Json:
    """Return what a separator's record says of the network."""
    return {
        "schema": "earmark/separator/1",
        "separator": settings.separator,
        "labels": settings.labels,
        "text": settings.text.plain(),
        "sizes": model.description(),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
