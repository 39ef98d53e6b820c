"""FENSE and DATE of the package mecat, where it is installed and its models can be had.

Both judge descriptions by two pretrained models (sentence embeddings of TinyBERT, a classifier of errors);
other models would give other numbers under the same name, so nothing is put in their place. mecat is no
dependency: it is installed beside earmark.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from earmark.systems.encoders import normal

PACKAGE, VERSION = "mecat", "1.1.0"
ROW = "content_long"


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def scored(
    metric: str, answers: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float | None, str]:
    """Return the corpus's score; or None, and why there is none.

    ``metric`` is ``fense`` or ``date``.
    """
    if not installed():
        return None, f"the package {PACKAGE} is not installed (pip install {PACKAGE}=={VERSION})"
    evaluate = importlib.import_module(PACKAGE).evaluate
    said = [[normal.normalised(text)] for text in answers]
    right = [[normal.normalised(text) for text in texts] for texts in references]
    try:
        table = evaluate(
            predicted_data=said, reference_data=right, metrics=[metric], task="caption", subtask="long"
        )
    except Exception as error:  # whatever a model hub or a missing file makes it raise
        words = " ".join(str(error).split())[:200]
        return None, f"{PACKAGE} could not compute it ({type(error).__name__}: {words})"
    return float(table.set_index("group_name").loc[ROW, metric]), ""
