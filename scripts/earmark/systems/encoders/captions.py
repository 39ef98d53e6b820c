"""FENSE and DATE of the package mecat, where it is installed and its models can be had.

Both judge descriptions by two pretrained models (sentence embeddings of TinyBERT, a classifier of errors);
other models would give other numbers under the same name, so nothing is put in their place. mecat is no
dependency: it is installed beside earmark.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.systems.encoders import normal

PACKAGE, VERSION = "mecat", "1.1.0"
GROUP = "content_long"
"""What mecat calls descriptions that are given with their references."""
CLIPS = {"fense": "similarity", "date": "date"}
"""The column of each metric in what mecat writes of single clips."""


@dataclass(frozen=True)
class Described:
    """What the descriptions of all clips are worth."""

    value: float
    clips: list[float]
    """Of each alone; DATE compares it with the others."""


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def scored(metric: str, answers: Sequence[str], references: Sequence[Sequence[str]]) -> Described | str:
    """Return how near answers are to their references; or why that is not known.

    ``metric`` is ``fense`` or ``date``.
    """
    if not installed():
        return f"the package {PACKAGE} is not installed (pip install {PACKAGE}=={VERSION})"
    said = [[normal.normalised(text)] for text in answers]
    right = [[normal.normalised(text) for text in texts] for texts in references]
    with tempfile.TemporaryDirectory() as folder:
        try:
            table = importlib.import_module(PACKAGE).evaluate(
                predicted_data=said,
                reference_data=right,
                metrics=[metric],
                task="caption",
                subtask="long",
                output_dir=folder,
                save_details=True,
            )
            [value] = table.loc[table["subtask"] == GROUP, metric]
            return Described(float(value), _clips(Path(folder), metric, len(said)))
        except Exception as error:  # whatever a model hub, a missing file or another version makes it raise
            words = " ".join(str(error).split())[:200]
            return f"{PACKAGE} could not compute it ({type(error).__name__}: {words})"


def _clips(folder: Path, metric: str, count: int) -> list[float]:
    """Return what mecat wrote of each clip; they are numbered as they were given."""
    [path] = folder.glob(f"{metric}_results_*.csv")
    with path.open(newline="") as stream:
        found = {int(row["sample_id"]): float(row[CLIPS[metric]]) for row in csv.DictReader(stream)}
    return [found[number] for number in range(count)]
