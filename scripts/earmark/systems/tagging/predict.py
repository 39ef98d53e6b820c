"""Run a trained student over the test clips of its fold, tokens merged as asked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from transformers import ASTForAudioClassification

from earmark.core import devices, provenance
from earmark.core.checksums import of_indexes
from earmark.core.errors import UserError
from earmark.core.files import Json, sha256
from earmark.core.progress import tqdm
from earmark.core.records import FAILED, NOT_PARQUET, OK
from earmark.merging.hooks import Merging
from earmark.merging.schedule import Clamped
from earmark.systems.tagging import mel_statistics as statistics
from earmark.systems.tagging import predictions as made
from earmark.systems.tagging import student
from earmark.systems.tagging.asked import PredictionJob
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.dataset import Clips
from earmark.systems.tagging.index import PLACED, Entry
from earmark.systems.tagging.predictions import Counts, Predictions, Record, Row
from earmark.systems.tagging.splits import is_tested


def run(
    folder: Path,
    indexes: Sequence[Path],
    fbanks: Sequence[Path],
    classes: Classes,
    numbers: Path,
    chosen: PredictionJob,
    code: str,
    threads: int,
) -> Predictions:
    """Return what the student in ``folder`` says of the test clips among some shards.

    Clips that failed before, and those whose logits are no numbers, are rows with their reason.

    Args:
        folder: of a trained student.
        indexes: of the spectrograms, shard by shard.
        fbanks: the spectrograms, in the same order.
        classes: of the task, in order.
        numbers: the task's ``statistics.json``.
        chosen: the run, its schedule, and how to compute.
        code: digest of the code, for the record.
        threads: of torch.

    Raises:
        UserError: files that are damaged or don't belong together, no memory, or no test clip.

    """
    device, fold = devices.prepare(chosen.device, threads), chosen.fold
    model = _student(folder, classes)
    of_fold = statistics.read(numbers, fold)
    clips = Clips(indexes, fbanks, [], classes, chosen.tagging, of_fold)
    tested = [i for i, entry in enumerate(clips.entries()) if is_tested(entry, fold)]
    with (
        warnings.catch_warnings(record=True) as told,
        Merging(model, chosen.schedule, proportional=chosen.proportional) as merging,
    ):
        warnings.simplefilter("always")
        logits = _logits(model.to(device).eval(), clips, tested, chosen.batch)
    if merging.clamped is None:
        raise UserError(f"{indexes[0]} and the others hold no usable test clip of fold '{fold}'")
    rows, considered = _rows(clips, tested, logits, list(_failed(indexes, fold))), _considered(indexes)
    failed = np.full((len(rows) - len(tested), len(classes)), np.nan, np.float32)
    return Predictions(
        rows,
        np.concatenate([logits, failed]),
        Record(
            task=chosen.task,
            fold=fold,
            train_seed=chosen.train_seed,
            r=chosen.r,
            clips=Counts(len(rows), considered),
            merging=_merged(merging.clamped, chosen.proportional, [str(each.message) for each in told]),
            student=sha256(folder / "model.safetensors"),
            data={**of_indexes(indexes), "classes": classes.digest, "statistics": asdict(of_fold)},
            batch=chosen.batch,
            device=devices.describe(device),
            threads=threads,
            code=code,
            provenance=provenance.record(code),
        ),
    )


def _student(folder: Path, classes: Classes) -> ASTForAudioClassification:
    """Return the student in a folder; raises UserError if it is of another number of classes."""
    model = student.load(folder)
    if model.config.num_labels != len(classes):
        raise UserError(
            f"{folder}: the student tells {model.config.num_labels} classes apart, the task has "
            f"{len(classes)}; delete the folder to train it again"
        )
    return model


def _merged(clamped: Clamped, proportional: bool, told: Sequence[str]) -> made.Merging:
    """Return what merging came to; of what was ``told``, the first is that layers merged less than asked."""
    warning = told[0] if clamped.clamped_layers and told else None
    layers = clamped.asked, clamped.merged, clamped.tokens, clamped.clamped_layers
    return made.Merging(proportional, *layers, warning)


def _logits(
    model: ASTForAudioClassification, clips: Clips, chosen: Sequence[int], batch: int
) -> NDArray[np.float32]:
    """Return logits [chosen clips, classes], in float32 whatever the student was trained in."""
    found = np.empty((len(chosen), len(clips.classes)), np.float32)
    with tqdm(total=len(chosen), desc="predicting", unit="clip") as bar:
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            features = torch.stack([clips[i, 0].features for i in part]).to(model.device)
            try:
                with torch.inference_mode():
                    found[start : start + len(part)] = model(features).logits.float().cpu().numpy()
            except (RuntimeError, MemoryError) as error:
                if devices.is_out_of_memory(error):
                    fix = "lower tagging.batch in config"
                    raise UserError(f"no memory for {len(part)} clips at once; {fix}") from None
                raise
            bar.update(len(part))
    return found


def _rows(clips: Clips, chosen: Sequence[int], logits: NDArray[np.float32], failed: list[Row]) -> list[Row]:
    """Return a row per test clip: first those with logits, in their order, then those that failed before."""
    rows = []
    for number, index in enumerate(chosen):
        bad = int((~np.isfinite(logits[number])).sum())
        rows.append(
            Row(
                clips.clip_ids[index],
                [clips.classes.names[c] for c in torch.nonzero(clips.target(index)).flatten()],
                FAILED if bad else OK,
                f"logits not finite ({bad} of {logits.shape[1]})" if bad else "",
                bool(clips.cut[index]),
            )
        )
    return rows + failed


def _failed(indexes: Sequence[Path], fold: str) -> Iterator[Row]:
    """Yield a row per test clip that an earlier stage recorded as failed."""
    for path in indexes:
        for row in _columns(path, ["clip_id", "labels", "status", "reason", *PLACED]):
            if row["status"] != OK and is_tested(Entry(*(row[name] for name in PLACED)), fold):
                reason = row["reason"] or f"not usable ({row['status']})"
                yield Row(row["clip_id"], row["labels"], FAILED, reason, cut=False)


def _considered(indexes: Sequence[Path]) -> int:
    """Return the clips of all shards, usable or not."""
    return sum(pq.ParquetFile(path).metadata.num_rows for path in indexes)


def _columns(path: Path, names: list[str]) -> Iterator[Json]:
    """Yield some columns of an index, row by row; raises UserError if it is damaged."""
    try:
        for batch in pq.ParquetFile(path).iter_batches(2000, columns=names):
            yield from batch.to_pylist()
    except (*NOT_PARQUET, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it to make it again") from None
