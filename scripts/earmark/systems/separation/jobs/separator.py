"""A separator's weights: read from AudioSep's checkpoint, or trained on mixtures of a task's recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.core import devices, provenance
from earmark.core.files import exclusive, sha256
from earmark.core.seeding import generator
from earmark.systems.separation import stored
from earmark.systems.separation.drawing import split
from earmark.systems.separation.jobs.shared import fingerprint, trained
from earmark.systems.separation.network.resunet import ResUNet
from earmark.systems.separation.published import audiosep
from earmark.systems.separation.query.table import Table
from earmark.systems.separation.sounds import Sounds
from earmark.systems.separation.training import Trainer, material
from earmark.training import state
from earmark.training.engine import prepare


def imported(settings: Mapping[str, Any], output: Path, code: str) -> None:
    """Write the network of AudioSep's checkpoint under our names, with its checksum.

    Raises:
        UserError: the checkpoint is missing, damaged, CLAP's, or of other sizes.

    """
    path = Path(settings["checkpoint"]).expanduser()
    model = ResUNet(stored.sizes({**settings["sizes"], "condition": settings["condition"]}))
    audiosep.load(model, path)
    origin = {"checkpoint": settings["checkpoint"], "sha256": sha256(path)}
    stored.write(model.state_dict(), _record(settings, model, {"origin": origin}, code), output)


def train(
    settings: Mapping[str, Any],
    indexes: Sequence[Path],
    texts: Path,
    output: Path,
    work: Path,
    code: str,
    threads: int,
) -> None:
    """Train a network and write it; ``output`` is its record, weights and curves go beside it.

    Args:
        settings: see `request.separator_job`.
        indexes: of the shards to train on.
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
        seed = int(generator(settings["seed"], "separator").integers(2**31))
        table = Table.read(texts)
        train, valid = split(Sounds.read(indexes, keys["max_failed_share"]), keys["validation_share"], seed)
        _seed(seed)
        model = ResUNet(stored.sizes({**settings["sizes"], "condition": table.vectors.shape[1]}))
        print(f"{len(train)} recordings, {len(valid)} to choose by, {keys['steps']} steps", flush=True)
        weights = [w for name, w in model.named_parameters() if "unused" not in name]
        scale = {"scale": settings["text"]["scale"]}
        found = material(train, valid, table, {**keys, **scale}, None)
        trainer = Trainer(model, weights, found, keys, seed, accelerator)
        record = trainer.run(
            work=work,
            fingerprint=fingerprint(settings, [*indexes, texts], code),
            events=output.parent / "events",
        )
        if accelerator.is_main_process:
            described = {
                "training": trained(record, keys),
                "recordings": {
                    "train": len(train),
                    "validation": len(valid),
                    "failed": train.failed | valid.failed,
                },
                "device": devices.describe(accelerator.device),
            }
            stored.write(model.state_dict(), _record(settings, model, described, code), output)
            state.clear(work)
    accelerator.end_training()


def _record(
    settings: Mapping[str, Any], model: ResUNet, more: Mapping[str, Any], code: str
) -> dict[str, Any]:
    """Return a separator's record."""
    return {
        "schema": "earmark/separator/1",
        "separator": settings["separator"],
        "labels": settings["labels"],
        "text": settings["text"],
        "sizes": model.description(),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "settings": dict(settings),
        **more,
        "provenance": provenance.record(code),
    }


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)
