"""What was asked for: cells of the grid, and the tasks, models and other entries behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.systems.embeddings import request as embeddings
from earmark.systems.pruning import request as pruning
from earmark.systems.pruning.config import Pruning
from earmark.systems.tagging import request as tagging
from earmark.systems.tagging.entries import Recipe

Cell = tuple[str, str, str, str]
Student = tuple[str, str, str]
"""Task, recipe and r of a student that tags audio."""

Entry = tuple[str, str]
"""Section of the configuration and name: ("models", "demo")."""


ALL = ("all", "demo")
STUDENTS = ("tagging", "tagging_plots", "tagging_tables")
"""Target rules for every student of the grid; no default target trains one."""


def asks(word: str, settings: Settings) -> bool:
    """Say whether a word of a command line asks for results by name.

    Raises:
        UserError: it names something unknown.

    """
    path = word.removeprefix("./")
    check_target(path, settings)
    return bool(word in (*ALL, *STUDENTS) or pruning.cell_of(path, settings) or _students(path, settings))


def _students(path: str, settings: Settings) -> list[Student]:
    """Return the results of students that a target asks for."""
    if path in STUDENTS or path.startswith(("results/tagging_page.", "results/tagging_page/")):
        return list(tagging.cells(settings))
    cell = tagging.cell_of(path)
    return [cell] if cell else []


@dataclass(frozen=True)
class Wanted:
    """The cells and students that are wanted, and whether the config's timings and embeddings are too."""

    cells: list[Cell]
    everything: bool
    students: list[Student] = field(default_factory=list)

    @classmethod
    def read(cls, settings: Settings, targets: Sequence[str]) -> Wanted:
        """Return what targets ask for; without a result among them, what the default targets make.

        Raises:
            UserError: a target names something unknown.

        """
        paths = [target.removeprefix("./") for target in targets]
        for path in paths:
            check_target(path, settings)
        named = [cell for path in paths if (cell := pruning.cell_of(path, settings))]
        students = [cell for path in paths for cell in _students(path, settings)]
        everything = not (named or students) or any(path in ALL for path in paths)
        cells = [*(pruning.cells(settings) if everything else ()), *named]
        return cls(list(dict.fromkeys(cells)), everything, list(dict.fromkeys(students)))

    @property
    def words(self) -> str:
        """What is wanted, in words."""
        parts = ["the default targets"] if self.everything else []
        parts += [f"{len(self.cells)} results"] if self.cells and not self.everything else []
        parts += [f"{len(self.students)} results of students"] if self.students else []
        return " and ".join(parts)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (model, task) pairs of the cells, each once."""
        return list(dict.fromkeys((model, task) for model, task, _, _ in self.cells))

    def entries(self, settings: Settings) -> set[Entry]:
        """Return the entries of the configuration that are needed."""
        found = {("tasks", task) for _, task, _, _ in self.cells}
        found |= {("models", model) for model, _, _, _ in self.cells}
        if self.everything:
            found |= {("models", block.model) for block in settings.of(Pruning).prefill}
            for model, task, _ in embeddings.blocks(settings):
                found |= {("models", model), ("tasks", task)}
        for task, recipe, _ in self.students:
            entry = settings.each(Recipe)[recipe]
            found |= {("tasks", task), ("students", entry.student)}
            found |= {("teachers", name) for name in entry.teachers}
        return found
