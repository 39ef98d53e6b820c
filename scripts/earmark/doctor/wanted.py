"""What was asked for: cells of the grid, and the tasks, models and other entries behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earmark.settings import Settings
from earmark.tagging import request as tagging
from earmark.targets import parse_target

Cell = tuple[str, str, str, str]
Entry = tuple[str, str]
"""Section of the configuration and name: ("models", "embedded")."""


@dataclass(frozen=True)
class Wanted:
    """The cells that are wanted, and whether all else the config lists is too."""

    cells: list[Cell]
    everything: bool

    @classmethod
    def read(cls, settings: Settings, targets: Sequence[str]) -> Wanted:
        """Return what targets ask for; without a result among them, what the config lists.

        Raises:
            UserError: a target names something unknown.

        """
        named = [cell for target in targets if (cell := parse_target(target.removeprefix("./"), settings))]
        return cls(named or list(settings.cells()), not named)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (model, task) pairs of the cells, each once."""
        return list(dict.fromkeys((model, task) for model, task, _, _ in self.cells))

    def entries(self, settings: Settings) -> set[Entry]:
        """Return the entries of the configuration that are needed."""
        found = {("tasks", task) for _, task, _, _ in self.cells}
        found |= {("models", model) for model, _, _, _ in self.cells}
        if self.everything:
            found |= {("models", block["model"]) for block in settings.content["prefill"]}
            for block in settings.content["embeddings"]:
                found.add(("models", block.get("model", settings.content["default_model"])))
                found |= {("tasks", task) for task in block["tasks"]}
            for task, recipe, _ in tagging.cells(settings):
                entry = settings.recipes[recipe]
                found |= {("tasks", task), ("students", entry["student"])}
                found |= {("teachers", name) for name in entry["teachers"]}
        return found
