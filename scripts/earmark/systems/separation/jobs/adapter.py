"""The adapter of one domain: trained on a frozen separator, or read from a file of DP-LASS."""

from __future__ import annotations

from pathlib import Path

from earmark.core import provenance
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import read_manifest
from earmark.systems.separation import stored
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.asked import DomainAdapter, ReadAdapter
from earmark.systems.separation.jobs.partitioned import Partitioned
from earmark.systems.separation.jobs.training import Job, training
from earmark.systems.separation.published import dplass


def train(job: Job[DomainAdapter], separator: Path, partition: Path, manifest: Path) -> None:
    """Train a domain's adapter and write it alone.

    Args:
        job: the training; separator, partition and manifest are among its files.
        separator: record of the frozen network.
        partition: of the task's classes.
        manifest: the domain's clips; targets have a label of the domain, interferers come from all shards.

    Raises:
        UserError: the sounds cannot be mixed, or the loss is not finite.

    """
    settings, base = job.settings, stored.Base.read(separator)
    heard = frozenset(label for clip in read_manifest(manifest) for label in clip.labels)
    domain = heard & Partitioned.read(partition).classes_of(settings.domain)
    if not domain:
        raise UserError(f"{manifest} has no clip of the domain's classes; delete it to make it again")
    with training(job) as own:
        model = Adapted(base.network(), stored.adapter(settings.adapter), settings.adapter.batch_norm)
        found = own.material(base.text.scale, domain)
        trainer = own.trainer(model, found, "separation.training")
        targets = len(found.train.targets)
        print(f"{targets} recordings of {len(domain)} classes, {trainer.size} weights", flush=True)
        before = trainer.validate() if found.valid is not None else {}
        record = own.run(trainer)
        content = {
            "schema": "earmark/separation-adapter/1",
            "domain": settings.domain,
            "classes": sorted(domain),
            "adapter": settings.adapter.plain(),
            "base": base.checksum,
            "parameters": trainer.size,
            "validation_of_base": before,
            "recordings": {"targets": targets, "failed": own.failed},
        }
        own.write(model.state(), record, content)


def imported(settings: ReadAdapter, separator: Path, partition: Path, output: Path, code: str) -> None:
    """Write the adapter that a file of DP-LASS holds.

    Args:
        settings: the domain and the file.
        separator: record of the network that it has to fit, weight by weight.
        partition: of the task's classes.
        output: record to write.
        code: digest of the code.

    Raises:
        UserError: it is no such file, or was trained on another network.

    """
    base, path = stored.Base.read(separator), Path(settings.file).expanduser()
    tensors = dplass.adapter(base.network(), path)
    content = {
        "schema": "earmark/separation-adapter/1",
        "domain": settings.domain,
        "classes": sorted(Partitioned.read(partition).classes_of(settings.domain)),
        "adapter": settings.adapter.plain(),
        "base": base.checksum,
        "parameters": sum(value.numel() for name, value in tensors.items() if name.endswith(".delta")),
        "origin": {"file": settings.file, "sha256": sha256(path)},
        "settings": settings.plain(),
        "provenance": provenance.record(code),
    }
    stored.write(tensors, content, output)
