"""Whether a local checkpoint folder is still what it was, told within milliseconds.

The checkpoint's rule carries it as a param, so that a folder changed in place makes its record stale and
all that rests on it. A ``touch`` or a copy changes nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from earmark.core.errors import UserError

WHOLE = 1 << 24
"""Files up to so many bytes are read whole: configs, tokenizers, templates."""
SAMPLES, SAMPLE = 64, 4096
"""Of larger ones so many stretches of so many bytes, beginning and end among them."""


def folder_state(folder: Path) -> str:
    """Return a digest of a folder's files: names, sizes, and contents as far as :data:`SAMPLES` see them.

    A checkpoint of other training differs in every tensor, so a sample tells; what a sample misses is
    refused where the weights are read, for there every byte is compared.

    Raises:
        UserError: a file cannot be read.

    """
    digest = hashlib.sha256()
    try:
        for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != "."):
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as stream:
                if size <= WHOLE:
                    digest.update(stream.read())
                    continue
                for number in range(SAMPLES):
                    stream.seek((size - SAMPLE) * number // (SAMPLES - 1))
                    digest.update(stream.read(SAMPLE))
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or error}: {error.filename}") from None
    return digest.hexdigest()[:16]
