"""One student from its settings and files to a folder with its weights and the record of its training."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from earmark.core import devices, provenance
from earmark.core.files import Json, exclusive, sha256, write_json
from earmark.core.seeding import generator
from earmark.merging.schedule import clamp
from earmark.systems.tagging import network, start, student, validation
from earmark.systems.tagging.asked import TrainingJob
from earmark.systems.tagging.materials import Files, Materials, gather
from earmark.systems.tagging.sampling import Order
from earmark.systems.tagging.training import Plan, Trainer
from earmark.training import state
from earmark.training.engine import prepare

_PROTECTED = 2  # CLS and DIST are never merged


def run(asked: TrainingJob, files: Files, output: Path, work: Path, code: str, threads: int) -> None:
    """Train a student and write ``output`` (student.json), last, with its weights and config beside it.

    Args:
        asked: all that the training depends on, but for code and files.
        files: of the training.
        output: the record to write.
        work: folder of the state an interrupted training goes on from; emptied at the end.
        code: digest of the code.
        threads: of this process and those that load its clips.

    Raises:
        UserError: see `materials.gather`, `start.begin`, `training.prepare` and `training.Trainer`.

    """
    where = f"recipe '{asked.recipe}' on task '{asked.task}': training"
    training = asked.training.within(threads)
    accelerator = prepare(asked.device, threads - training.workers, training.precision)
    main = accelerator.is_main_process
    with exclusive(work) if main else nullcontext():
        accelerator.wait_for_everyone()
        seed = int(generator(asked.seed, "training", str(asked.train_seed)).integers(2**31))
        found = gather(asked, files, seed)
        steps = Order(len(found.train), training.batch_size, seed).steps_per_epoch * training.epochs
        training = training.warmed(steps, where)
        if main:
            _announce(found, steps)
        tagging = asked.tagging
        model, origin = start.begin(
            asked.student, found.classes.names, tagging.frames, kind=tagging.kind, seed=seed
        )
        plan = Plan(training, tagging.kind, seed, asked.weight, asked.schedule, asked.proportional)
        trainer = Trainer(
            model,
            found.train,
            found.valid,
            plan,
            accelerator,
            work=work,
            fingerprint=files.fingerprint(asked.plain(), code),
            events=output.parent / "events",
        )
        trainer.run()
        final = trainer.final()
        if main:
            student.save(trainer.model, output.parent)
            content = _describe(asked, found, trainer, origin, final, threads)
            weights = sha256(output.parent / "model.safetensors")
            made = {"data": files.checksums(), "weights": weights, "provenance": provenance.record(code)}
            write_json(output, content | made)
            state.clear(work)
        accelerator.wait_for_everyone()
    accelerator.end_training()


def _announce(found: Materials, steps: int) -> None:
    """Say what is trained on, and how good the teachers are."""
    print(f"{len(found.train)} clips to train on, {len(found.valid)} to choose by, {steps} steps", flush=True)
    if found.teachers is not None:
        for made_by, score in found.teachers.teachers:
            print(
                f"teacher '{made_by['teacher']}' on the training labels: mAP {score.map}, "
                f"chance {score.chance}"
            )


def _describe(
    asked: TrainingJob,
    found: Materials,
    trainer: Trainer,
    origin: Json,
    final: dict[str, float],
    threads: int,
) -> Json:
    """Return the record of a training."""
    done, plan, accelerator = trainer.record, trainer.plan, trainer.accelerator
    config, average = trainer.model.config, plan.training.averaging
    drawn = round(done.totals["items"])
    assert plan.merging is not None
    tokens = network.tokens(config)
    merged = clamp(plan.merging.per_layer(config.num_hidden_layers), tokens, _PROTECTED)
    return {
        **asked.chosen("task", "recipe", "fold", "train_seed", "r", "labels"),
        "settings": asked.plain() | {"training": plan.training.plain()},
        "start": origin,
        "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
        "loss": plan.training.loss,
        "epoch": None if average else done.best,
        "averaged": [average.first, average.last] if average else None,
        "validation": {"metric": validation.metric(plan.kind), **final},
        "epochs": done.epochs,
        "clips": {
            "train": len(found.train),
            "validation": len(found.valid),
            "drawn": drawn,
            "mixed": round(done.totals["mixed"]),
            "without_teacher": round(done.totals["without_teacher"]),
        },
        "teachers": found.teachers and found.teachers.record(),
        "merging": {
            "proportional": plan.proportional,
            "asked": merged.asked,
            "merged": merged.merged,
            "tokens": merged.tokens,
        },
        "clamped_layers": merged.clamped_layers,
        "timing": {
            "train_s": round(done.seconds, 3),
            "validation_s": round(done.validation_s, 3),
            "clips_per_s": round(drawn / done.seconds, 3),
            "loader_wait_share": round(done.waited_s / done.seconds, 4),
        },
        "device": devices.describe(accelerator.device),
        "processes": accelerator.num_processes,
        "threads": threads,
    }
