"""How good a student is on the clips that choose its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import nn

from earmark.core.errors import UserError
from earmark.scoring.ranking import ranks
from earmark.systems.tagging.loader import Examples, batches
from earmark.systems.tagging.sampling import Pair
from earmark.systems.tagging.settings import MULTI_LABEL


def metric(kind: str) -> str:
    """Return the name of the metric that chooses a checkpoint."""
    return "mAP" if kind == MULTI_LABEL else "accuracy"


def predict(
    model: nn.Module, examples: Examples, accelerator: Accelerator, *, batch_size: int, workers: int
) -> NDArray[np.float32]:
    """Return the logits of all clips, [clips, classes], the clips shared among the processes."""
    mine = range(accelerator.process_index, len(examples), accelerator.num_processes)
    training = model.training
    model.eval()
    found = []
    with torch.inference_mode(), accelerator.autocast():
        for batch in batches(examples, list(_in_batches(mine, batch_size)), workers):
            found.append(model(batch.features.to(accelerator.device)).logits.float().cpu().numpy())
    model.train(training)
    parts = gather_object([(list(mine), np.concatenate(found))] if found else [])
    logits = np.empty((len(examples), parts[0][1].shape[1]), dtype=np.float32)
    for indices, values in parts:
        logits[indices] = values
    return logits


def _in_batches(indices: range, size: int) -> Iterator[list[Pair]]:
    for start in range(0, len(indices), size):
        yield [(index, 0) for index in indices[start : start + size]]


def score(scores: NDArray[Any], labels: NDArray[Any], kind: str) -> dict[str, float]:
    """Return accuracy, or mAP and mAUC over the classes that have a positive (and a negative) clip.

    Args:
        scores: logits or probabilities, [clips, classes].
        labels: multi-hot, [clips, classes].
        kind: of the task.

    Raises:
        UserError: no class has a positive clip.

    """
    if kind != MULTI_LABEL:
        return {"accuracy": float((scores.argmax(axis=1) == labels.argmax(axis=1)).mean())}
    positive = labels > 0
    precision, area = ranks(scores, positive)
    heard, apart = np.isfinite(precision), np.isfinite(area)
    if not heard.any():
        raise UserError("tagging.validation_share: no validation clip has a label; raise the share")
    return {
        "mAP": float(precision[heard].mean()),
        "mAUC": float(area[apart].mean()) if apart.any() else 0.5,
        "classes": int(heard.sum()),
    }
