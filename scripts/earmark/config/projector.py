"""What lies between the encoder and the language model of a composed model."""

from __future__ import annotations

from typing import Literal

from earmark.config.section import Section
from earmark.config.values import Count


class Projector(Section):
    """How encoder states become audio tokens."""

    kind: Literal["linear", "mlp"] = "linear"
    """one linear map, or two with a GELU between them"""

    pool: Count = 1
    """states averaged"""

    stack: Count = 5
    """of these, laid side by side to one token"""

    hidden: Count = 1024
    """mlp: width of its hidden layer"""

    @property
    def per_token(self) -> int:
        """States behind one token."""
        return self.pool * self.stack
