"""The training of one encoder on one suite, from stored features to a composed checkpoint.

The checkpoint holds the projector and the adapter; its record is written at the end, behind the last step,
and an interrupted training goes on from its last state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from earmark.core.errors import UserError
from earmark.core.files import Json, write_json
from earmark.models import composed, towers
from earmark.models.adapter import with_adapter
from earmark.models.checkpoint import Checkpoint
from earmark.models.fused_adapter import fuse
from earmark.models.projector import Projector
from earmark.scoring.record import check_budget, failures
from earmark.systems.encoders import material
from earmark.systems.encoders.asked import TrainingJob
from earmark.systems.encoders.blocks import Training
from earmark.systems.encoders.learner import Learner, Order, Upstream, fit
from earmark.systems.encoders.order import Source
from earmark.systems.encoders.origin import together
from earmark.systems.encoders.speaker import Speaker
from earmark.systems.encoders.store import Features
from earmark.training import composing, engine
from earmark.training.schedule import triangle
from earmark.training.stage import Stage


def run(
    asked: TrainingJob,
    features: Path,
    encoder: Path | None,
    decoder: Path,
    output: Path,
    work: Path,
    threads: int,
) -> None:
    """Train what is between the encoder and the language model and write it beside ``output``, its record.

    Raises:
        UserError: features are damaged, too many clips unusable, or parts don't fit each other.

    """
    keys = asked.training
    accelerator = engine.prepare(asked.device, threads, asked.precision)
    device = str(accelerator.device)
    parts = {"decoder": Checkpoint.read(decoder)}
    if encoder is not None:
        parts["encoder"] = Checkpoint.read(encoder)
    sources, found = read(asked, features)
    stored = Features(features)
    torch.manual_seed(keys.seed)
    speaker = Speaker(parts["decoder"], device)
    tower = None
    if asked.compat == "xares":
        tower = towers.load(asked.tower, parts.get("encoder"), device)
        width = int(tower.output_dim)  # type: ignore[arg-type]
    else:
        width = width_of(stored, sources)
    projector = Projector(asked.projector, width, speaker.width)
    if asked.normalise:
        fit(projector, stored, sources, keys.seed)
    adapted = None
    if asked.lora is not None:
        adapted = with_adapter(speaker.model, asked.lora)
        speaker.language.model = adapted.get_base_model()
        if asked.precision == "no":
            fuse(adapted)
    module = nn.ModuleDict({"projector": projector} | ({} if adapted is None else {"decoder": adapted}))
    learner = (
        Learner(speaker, projector)
        if tower is None
        else Upstream(speaker, projector, tower, asked.tower.kind == "whisper")
    )
    order = Order(
        sources,
        stored,
        speaker,
        size=keys.per_device_train_batch_size,
        bucket=keys.sort_by_length,
        seed=keys.seed,
        crop_s=keys.crop_audio_length,
        by_clip=keys.texts_together,
    )
    stage = Stage(
        "train",
        keys.max_steps,
        torch.optim.AdamW(groups(module, keys), betas=(0.9, 0.999), eps=1e-8),
        learner.loss,
        batches=order.shares,
        schedule=triangle(keys.max_steps, keys.warmup_steps),
        clip_norm=keys.max_grad_norm,
    )
    records = engine.train(
        [stage],
        module,
        accelerator,
        seed=keys.seed,
        work=work,
        fingerprint=_fingerprint(asked, found, parts),
        save_every=keys.save_steps,
    )
    if not accelerator.is_main_process:
        return
    composed.save(output.parent, projector.cpu(), adapted)
    shown = {name: _counts(each) for name, each in found.items()}
    content = {
        "settings": asked.plain(),
        "data": shown,
        "processes": accelerator.num_processes,
        "stages": [asdict(each) for each in records],
    }
    write_json(output.parent / "training.json", content)
    write_json(output, composing.record(output.parent, parts, asked.plain()))


def read(asked: TrainingJob, features: Path) -> tuple[list[Source], dict[str, material.Material]]:
    """Return the data sets of a training and what was found in their shards.

    Raises:
        UserError: more clips than allowed can't be used.

    """
    found, sources = {}, []
    for each in asked.sources:
        made = material.read(features, each.shards, each.key)
        check_budget(
            made.failures,
            made.total,
            asked.max_failed_share,
            f"data set '{each.name}'",
            what="clips",
            key="the suite's max_failed_share allows",
        )
        found[each.name] = made
        sources.append(Source(each.name, tuple(each.prompts), each.share, made.shards))
    return sources, found


def width_of(features: Features, sources: list[Source]) -> int:
    """Return the width of the stored features; raises UserError where there are none."""
    for source in sources:
        for shard in source.shards:
            for clip in shard:
                return int(features.of(clip.shard, clip.key).shape[1])
    raise UserError("there is no training clip that can be used; see the logs of the features")


def groups(module: nn.Module, keys: Training) -> list[Json]:
    """Return the trained parameters in two groups: biases and norms do not decay."""
    trained = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    decaying = [weight for name, weight in trained if weight.ndim > 1]
    others = [weight for name, weight in trained if weight.ndim <= 1]
    found = [
        {"params": decaying, "lr": keys.learning_rate, "weight_decay": keys.weight_decay},
        {"params": others, "lr": keys.learning_rate, "weight_decay": 0.0},
    ]
    return [group for group in found if group["params"]]


def _fingerprint(
    asked: TrainingJob, found: Mapping[str, material.Material], parts: Mapping[str, Checkpoint]
) -> str:
    """Return what identifies a training: settings, clips with their texts, and the weights of its parts."""
    clips = {name: [asdict(clip) for clip in each.clips] for name, each in found.items()}
    encoders = sorted(set().union(*(each.encoders for each in found.values())))
    said = [asked.plain(), clips, encoders, {name: part.digest for name, part in parts.items()}]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _counts(found: material.Material) -> Json:
    return {
        "clips": len(found.clips),
        "texts": sum(len(clip.texts) for clip in found.clips),
        "failed": len(found.failures),
        "shards": asdict(together(found.origins)),
        "dropped_texts": found.dropped,
        "failures": failures(found.failures),
    }
