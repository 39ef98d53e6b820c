"""The vectors of texts, each computed once and kept in a file: no text encoder sits in a training loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.systems.separation.query.contract import TextEncoder, Vectors


def spoken(label: str) -> str:
    """Return a label as a query: AudioSet's names as they are, others without their underscores."""
    return label.replace("_", " ").strip().lower()


@dataclass(frozen=True)
class Table:
    """Texts and their vectors, [texts, size]."""

    texts: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def made(cls, encoder: TextEncoder, texts: Sequence[str]) -> Table:
        """Embed texts, each once however often it is named."""
        distinct = tuple(dict.fromkeys(texts))
        return cls(distinct, encoder.texts(distinct))

    @classmethod
    def joined(cls, paths: Sequence[Path]) -> Table:
        """Return several tables as one; raises UserError if one can't be read."""
        found = [cls.read(path) for path in paths]
        texts = tuple(text for table in found for text in table.texts)
        return cls(texts, np.concatenate([table.vectors for table in found]))

    def of(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, [texts, size]; raises UserError for one that is not in the table."""
        place = {text: number for number, text in enumerate(self.texts)}
        missing = [text for text in texts if text not in place]
        if missing:
            raise UserError(f"the table of texts lacks '{missing[0]}'; delete it to make it again")
        return self.vectors[[place[text] for text in texts]]

    def write(self, path: Path) -> None:
        """Write the table as safetensors."""
        with replacing(path) as partial:
            metadata = {"texts": json.dumps(self.texts, ensure_ascii=False)}
            save_file({"vectors": np.ascontiguousarray(self.vectors)}, str(partial), metadata)

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a table; raises UserError if it can't be read."""
        try:
            with safe_open(str(path), "numpy") as file:
                return cls(tuple(json.loads(file.metadata()["texts"])), file.get_tensor("vectors"))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is no table of texts ({error}); delete it to make it again") from None
