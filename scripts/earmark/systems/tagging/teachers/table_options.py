"""Options of kind table: logits that were computed elsewhere, joined to the clips by id."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from earmark.config.links import LocalPath
from earmark.config.section import Section


class Options(Section):
    """Logits that were computed elsewhere, joined to the clips by id."""

    path: LocalPath
    """.npy, .npz, .safetensors: an array [clips, classes]; .parquet: a column of lists"""

    name: str = "logits"
    """the array's name in an .npz or .safetensors, the column's in a .parquet"""

    ids: LocalPath | None = None
    """the rows' ids: .json (a list in order, or id: row), .csv or .parquet (a column), .npy (an array of
    text); null: a column of the .parquet itself"""

    id_column: str = "clip_id"
    """name of the column with the ids"""

    row_column: str | None = None
    """name of the column with the row numbers, where ids are not in order; null: they are"""

    join: Literal["clip_id", "source_id"] = "clip_id"
    """what the ids name: the clip, or the recording it was cut from (of AudioSet: YouTube's id)"""

    values: Literal["logits", "probabilities"] = "logits"
    """probabilities are turned back into logits"""

    clamp: float = Field(default=1e-6, gt=0, le=0.01)
    """probabilities are kept this far from 0 and 1"""
