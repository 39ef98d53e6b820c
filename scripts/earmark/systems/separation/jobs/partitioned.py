"""The partition of a task's classes as a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.errors import UserError
from earmark.systems.separation.partition import Domain
from earmark.systems.separation.query.contract import Vectors


@dataclass(frozen=True)
class Partitioned:
    """What the jobs after the partition read of it."""

    encoder: str
    """Of recordings: ``clap`` or ``logmel``."""

    domains: tuple[Domain, ...]
    classes: tuple[str, ...]
    means: Vectors
    """What each class sounds like, [classes, size]."""

    @classmethod
    def read(cls, path: Path) -> Partitioned:
        """Read a partition; raises UserError if it can't be read."""
        try:
            found: Any = json.loads(path.read_text())
            return cls(
                found["encoder"],
                tuple(Domain(each["name"], tuple(each["classes"])) for each in found["domains"]),
                tuple(each["name"] for each in found["classes"]),
                np.asarray(found["means"], np.float32),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is missing or damaged ({error}); delete it to make it again") from None

    @property
    def domain_of(self) -> list[int]:
        """The number of each class's domain, in the classes' order."""
        numbers = {name: n for n, domain in enumerate(self.domains) for name in domain.classes}
        return [numbers[name] for name in self.classes]

    def classes_of(self, domain: str) -> frozenset[str]:
        """Return the classes of a domain."""
        return frozenset(next(each.classes for each in self.domains if each.name == domain))
