"""The training of a composed model, from its settings to its checkpoint; see recipes/composed.py."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from earmark.core import devices
from earmark.core.files import sha256, write_json
from earmark.models import causal_lm, composed
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.families import family
from earmark.models.projector import Projector, Shape
from earmark.training import loop
from earmark.training.recipes.composed import Trainer, fit, lessons


def run(
    chosen: Mapping[str, Any],
    features: Sequence[Path],
    indexes: Sequence[Path],
    encoder: Path,
    decoder: Path,
    output: Path,
    work: Path,
    threads: int,
) -> None:
    """Train what is between the parts and write it beside ``output``, the record of the checkpoint.

    Raises:
        UserError: parts or features are damaged or don't fit each other.
    """
    device = devices.prepare(chosen["device"], threads)
    parts = {"encoder": Checkpoint.read(encoder), "decoder": Checkpoint.read(decoder)}
    shape = Shape(**chosen["projector"])
    widths = (
        family(chosen["kinds"]["encoder"]).depth(parts["encoder"]).encoder_width,
        causal_lm.depth(parts["decoder"]).lm_width,
    )
    torch.manual_seed(chosen["seed"])
    projector = Projector(shape, *widths)
    learned = lessons(chosen["tasks"], features, indexes, parts["encoder"].digest)
    fit(projector, learned, chosen["seed"])
    language = causal_lm.Decoder(parts["decoder"], str(device), chosen["dtype"], "sdpa")
    trainer = Trainer(language, projector.to(device), learned, chosen["rows"], chosen["tokens"])
    stage = loop.Stage(
        "compose",
        chosen["steps"],
        chosen["rate"],
        list(projector.parameters()),
        lambda step, rng: trainer.loss(rng),
        chosen["warmup"],
    )
    said = json.dumps([chosen, [part.digest for part in parts.values()], [sha256(p) for p in features]])
    records = loop.run(
        [stage],
        projector,
        seed=chosen["seed"],
        work=work,
        save_every=chosen["save_every"],
        fingerprint=hashlib.sha256(said.encode()).hexdigest()[:16],
    )
    folder = output.parent
    composed.save(folder, projector.cpu(), None)
    write_json(folder / "training.json", {"settings": dict(chosen), "stages": [asdict(r) for r in records]})
    write_json(output, record(folder, parts, chosen))


def record(folder: Path, parts: Mapping[str, Checkpoint], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a composed checkpoint: its own files, and its parts with where they lie."""
    own = describe_folder(folder, {"composed": dict(chosen)}, folder)
    named = {}
    for name, part in parts.items():
        near = part.folder.is_relative_to(folder.resolve().parent)
        place = os.path.relpath(part.folder, folder.resolve()) if near else str(part.folder)
        named[name] = {**part.record, "folder": place, "kind": chosen["kinds"][name]}
    digests = [own["digest"], *(part.digest for part in parts.values())]
    own["digest"] = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]
    return {**own, "parts": named}
