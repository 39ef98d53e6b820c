"""The adapter of one domain, trained on a frozen separator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from earmark.core import devices, provenance
from earmark.core.errors import UserError
from earmark.core.files import exclusive
from earmark.core.records import read_manifest
from earmark.core.seeding import generator
from earmark.systems.separation import stored
from earmark.systems.separation.adapters.adapted import Adapted
from earmark.systems.separation.drawing import split
from earmark.systems.separation.jobs.partitioned import classes_of, read
from earmark.systems.separation.jobs.shared import fingerprint, trained
from earmark.systems.separation.query.table import Table
from earmark.systems.separation.sounds import Sounds
from earmark.systems.separation.training import Trainer, material
from earmark.training import state
from earmark.training.engine import prepare


def train(
    settings: Mapping[str, Any],
    separator: Path,
    partition: Path,
    manifest: Path,
    indexes: Sequence[Path],
    texts: Path,
    output: Path,
    work: Path,
    code: str,
    threads: int,
) -> None:
    """Train a domain's adapter and write it alone; ``output`` is its record.

    Args:
        settings: see `request.adapter_job`.
        separator: record of the frozen network.
        partition: of the task's classes.
        manifest: the domain's clips; targets have a label of the domain, interferers come from all shards.
        indexes: of the shards.
        texts: table of the labels' vectors.
        output: record to write.
        work: folder of the state an interrupted training goes on from; emptied at the end.
        code: digest of the code.
        threads: of this process.

    Raises:
        UserError: the sounds cannot be mixed, or the loss is not finite.

    """
    keys = settings["training"]
    accelerator = prepare(settings["device"], threads)
    with exclusive(work):
        # The validation's recordings are those of the separator's own training, so none of them was heard.
        seed = int(generator(settings["seed"], "separator").integers(2**31))
        base, described = stored.read(separator)
        heard = frozenset(label for clip in read_manifest(manifest) for label in clip.labels)
        domain = heard & classes_of(read(partition), settings["domain"])
        if not domain:
            raise UserError(f"{manifest} has no clip of the domain's classes; delete it to make it again")
        train, valid = split(Sounds.read(indexes, keys["max_failed_share"]), keys["validation_share"], seed)
        torch.manual_seed(seed)
        network = stored.network(described, base, separator)
        model = Adapted(network, stored.adapter(settings["adapter"]), settings["adapter"]["batch_norm"])
        weights = [w for name, w in model.named_parameters() if w.requires_grad and "unused" not in name]
        scale = {"scale": described["text"]["scale"]}
        found = material(train, valid, Table.read(texts), {**keys, **scale}, domain)
        own = sum(weight.numel() for weight in weights)
        print(f"{len(found.train.targets)} recordings of {len(domain)} classes, {own} weights", flush=True)
        trainer = Trainer(model, weights, found, keys, seed, accelerator)
        before = trainer.validate() if found.valid is not None else {}
        files = [separator, partition, manifest, *indexes, texts]
        record = trainer.run(
            work=work,
            fingerprint=fingerprint(settings, files, code),
            events=output.parent / f"{output.stem}.events",
        )
        if accelerator.is_main_process:
            content = {
                "schema": "earmark/separation-adapter/1",
                "domain": settings["domain"],
                "classes": sorted(domain),
                "adapter": settings["adapter"],
                "base": described["weights"],
                "parameters": own,
                "validation_of_base": before,
                "training": trained(record, keys),
                "recordings": {"targets": len(found.train.targets), "failed": train.failed | valid.failed},
                "device": devices.describe(accelerator.device),
                "settings": dict(settings),
                "provenance": provenance.record(code),
            }
            stored.write(model.state(), content, output)
            state.clear(work)
    accelerator.end_training()
