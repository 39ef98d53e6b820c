"""A trained projector, read back from its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from earmark.core.errors import UserError
from earmark.models import composed
from earmark.models.projector import Projector, Shape


def projector_of(folder: Path) -> Projector:
    """Return the projector of a checkpoint's folder; raises UserError if it is damaged."""
    try:
        shape = Shape(**json.loads((folder / composed.CONFIG).read_text())["projector"])
        tensors = load_file(folder / composed.WEIGHTS)
        out = tensors[max(name for name in tensors if name.endswith("bias"))]
        projector = Projector(shape, len(tensors["mean"]), len(out))
        projector.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        words = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: the projector is damaged ({words}); train it again") from None
    return projector.eval().requires_grad_(False)
