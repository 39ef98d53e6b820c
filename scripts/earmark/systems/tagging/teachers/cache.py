"""Rows of logits of a shard in progress: what an interrupted job has computed is not computed again.

Rows of one size are appended to a file, a batch at a time; the file's length says how far the job came.
It belongs to one job: another teacher, other clips or another device start over.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.core.files import write_json
from earmark.core.jsonl import read_jsonl


class Rows:
    """Rows [clips, classes] on their way into a file of ``folder``, which this process holds alone.

    ``identity`` says what the rows depend on.
    """

    def __init__(self, folder: Path, width: int, dtype: str, identity: str) -> None:
        self._path, self._reasons_path = folder / "rows.bin", folder / "reasons.jsonl"
        self._width, self._dtype = width, np.dtype(dtype)
        known = folder / "job.json"
        if not known.is_file() or json.loads(known.read_text()) != {"identity": identity}:
            self._path.unlink(missing_ok=True)
            self._reasons_path.unlink(missing_ok=True)
            write_json(known, {"identity": identity})

    @property
    def _size(self) -> int:
        return self._width * self._dtype.itemsize

    def resume(self, ends: list[int]) -> int:
        """Return the number of rows kept, those of whole batches; ``ends`` are the batches' ends."""
        self._path.touch()
        there = self._path.stat().st_size // self._size
        kept = max((end for end in ends if end <= there), default=0)
        os.truncate(self._path, kept * self._size)
        return kept

    def append(self, rows: NDArray[np.floating], first: int, reasons: dict[int, str]) -> None:
        """Write a batch through to the disk; ``reasons`` are why some of its rows failed, by place in it."""
        if reasons:
            with self._reasons_path.open("a") as stream:
                for place, reason in reasons.items():
                    stream.write(json.dumps({"row": first + place, "reason": reason}) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        with self._path.open("ab") as stream:
            stream.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
            stream.flush()
            os.fsync(stream.fileno())

    def read(self) -> NDArray[np.floating]:
        """Return all rows [clips, classes]."""
        return np.fromfile(self._path, dtype=self._dtype).reshape(-1, self._width)

    def reasons(self) -> dict[int, str]:
        """Return why rows failed, by row."""
        if not self._reasons_path.is_file():
            return {}
        return {row["row"]: row["reason"] for row in read_jsonl(self._reasons_path, torn=True)}
