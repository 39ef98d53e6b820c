"""Encoders of transformers as a family of models: a part to build models on, whose states can be stored.

Light, as every family's facts: what computes is imported when it is needed.
"""

from __future__ import annotations

from earmark.models.contract import Code, Family


class Hearing(Family):
    """An audio encoder alone; it hears samples, and answers nothing by itself."""

    answers = False

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models.towers.as_family import TowerCode

        return TowerCode(self.name)
