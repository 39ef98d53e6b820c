"""The training of a composed model, from its settings to its checkpoint; see recipes/composed.py."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from earmark.config.compose import Composing
from earmark.core.files import Json, sha256, write_json
from earmark.models import causal_lm, composed
from earmark.models.adapter import ADAPTER, with_adapter
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.families import family
from earmark.models.projector import Projector
from earmark.training import engine
from earmark.training.recipes.composed import Trainer, fit, lessons
from earmark.training.recipes.held_out import Examiner, without
from earmark.training.schedule import linear
from earmark.training.stage import Stage

VALIDATIONS = 4
"""How often what is held out is asked in a training."""


def run(
    chosen: Composing,
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
    accelerator = engine.prepare(chosen.device, threads)
    parts = {"encoder": Checkpoint.read(encoder), "decoder": Checkpoint.read(decoder)}
    heard = family(chosen.kinds.encoder).depth(parts["encoder"]).encoder_width
    torch.manual_seed(chosen.seed)
    every = lessons([*chosen.tasks, *(chosen.ask or [])], features, indexes, parts["encoder"].digest)
    learned, held = without(every, chosen.hold_out, only_asked=len(chosen.ask or []))
    device = str(accelerator.device)
    language = causal_lm.Decoder(parts["decoder"], device, chosen.dtype, attention(device))
    projector = Projector(chosen.projector, heard, language.model.config.hidden_size)
    fit(projector, learned, chosen.seed)
    groups = [{"params": list(projector.parameters()), "lr": chosen.rate}]
    adapted = None
    if chosen.lora is not None:
        adapted = with_adapter(language.model, chosen.lora)
        language.model = adapted.get_base_model()
        groups.append(
            {"params": [p for p in adapted.parameters() if p.requires_grad], "lr": chosen.lora.rate}
        )
    module = nn.ModuleDict({"projector": projector} | ({} if adapted is None else {"decoder": adapted}))
    trainer = Trainer(language, projector, learned, chosen.rows, chosen.tokens)
    stage = Stage(
        "compose",
        chosen.steps,
        torch.optim.AdamW(groups, weight_decay=chosen.weight_decay),
        trainer.loss,
        schedule=linear(chosen.steps, chosen.warmup),
        epoch=-(-chosen.steps // VALIDATIONS) if held else None,
        validate=Examiner(trainer, held).measure if held else None,
    )
    asked = [chosen.plain(), [part.digest for part in parts.values()], [sha256(p) for p in features]]
    said = json.dumps(asked, sort_keys=True)
    records = engine.train(
        [stage],
        module,
        accelerator,
        seed=chosen.seed,
        work=work,
        fingerprint=hashlib.sha256(said.encode()).hexdigest()[:16],
        save_every=chosen.save_every,
    )
    folder = output.parent
    composed.save(folder, projector.cpu(), adapted)
    write_json(folder / "training.json", {"settings": chosen.plain(), "stages": [asdict(r) for r in records]})
    write_json(output, record(folder, parts, chosen.plain()))


def attention(device: str) -> str:
    """Return the implementation of attention to train with.

    On a CPU the fused one takes a third of a step in bfloat16 to go back through short prompts; in float32
    both take the same.
    """
    return "eager" if device == "cpu" else "sdpa"


def adapter_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of an adapter's files by their names in the checkpoint; none where there is none."""
    found = sorted((folder / ADAPTER).glob("*"))
    return {path.relative_to(folder).as_posix(): sha256(path) for path in found}


def record(folder: Path, parts: Mapping[str, Checkpoint], settings: Json) -> Json:
    """Return the record of a composed checkpoint: its own files, and its parts with where they lie.

    ``settings`` are those of its training; they say the ``kinds`` of its parts.
    """
    own = describe_folder(folder, {"composed": settings}, folder)
    named = {}
    for name, part in parts.items():
        near = part.folder.is_relative_to(folder.resolve().parent)
        place = os.path.relpath(part.folder, folder.resolve()) if near else str(part.folder)
        named[name] = {**part.content, "folder": place, "kind": settings["kinds"][name]}
    own["files"] |= adapter_files(folder)
    digests = [*own["files"].values(), *(part.digest for part in parts.values())]
    own["digest"] = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]
    return {**own, "parts": named}
