"""What the jobs of this system share: which training a state is of, and how one went."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.core.files import sha256
from earmark.training.state import StageRecord


def fingerprint(settings: Mapping[str, Any], files: Sequence[Path], code: str) -> str:
    """Return what everything that a job computes depends on, as one string."""
    parts = [json.dumps(settings, sort_keys=True), code, *(sha256(path) for path in files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def trained(record: StageRecord, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a training went, for a record."""
    return {
        "steps": record.steps,
        "asked_steps": keys["steps"],
        "mixtures": round(record.totals.get("items", 0)),
        "loss": keys["loss"],
        "best_epoch": record.best or None,
        "epochs": record.epochs,
        "train_s": round(record.seconds, 3),
        "validation_s": round(record.validation_s, 3),
    }
