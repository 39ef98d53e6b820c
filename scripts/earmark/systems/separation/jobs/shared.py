"""What the jobs of this system share: which inputs, settings and code a state is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from earmark.config.section import Section
from earmark.core.files import sha256


def fingerprint(settings: Section, files: Sequence[Path], code: str) -> str:
    """Return what everything that a job computes depends on, as one string."""
    parts = [json.dumps(settings.plain(), sort_keys=True), code, *(sha256(path) for path in files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
