"""What a system says of itself: all that the rest of earmark needs to know of it.

A system is a folder beside this file with a ``system.py`` that defines ``SYSTEM``; the Snakefile, the
configuration, the summary, the page, the doctor and the reproduction go over those that
:mod:`earmark.systems.registry` finds. Descriptors are read whenever the workflow is parsed, so they stay
light: what needs pandas, torch or Altair is named by :class:`Lazy` and imported by whoever calls it. See
docs/add_a_system.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast

from earmark.core.files import Json

if TYPE_CHECKING:
    from earmark.config.model import Model
    from earmark.config.section import Section
    from earmark.config.wheel import Wheel
    from earmark.doctor.findings import Finding
    from earmark.report import figures
    from earmark.report.first import Answer
    from earmark.report.known import Known
    from earmark.report.material import Material
    from earmark.report.remembered import Remembered
    from earmark.systems.configuration import Settings

P = ParamSpec("P")
R = TypeVar("R")
Row = Json
Record = Json


@dataclass(frozen=True)
class Lazy(Generic[P, R]):
    """A function that is imported when it is first called, by ``module:function``."""

    place: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        module, _, name = self.place.partition(":")
        return cast(R, getattr(import_module(module), name)(*args, **kwargs))

    @property
    def file(self) -> str:
        """The function's file below scripts/, which a rule that calls it has to digest."""
        return f"{self.place.partition(':')[0].replace('.', '/')}.py"


@dataclass(frozen=True)
class Column:
    """A column of the summary that one system fills: a setting that tells its results apart."""

    name: str
    dtype: Literal["str", "Int64", "float64"]
    says: str
    """What it holds, for docs/summary.md."""

    heading: str = ""
    """Of the table of all results, where the system has no :attr:`System.point` of its own."""

    descending: bool = False
    rank: Callable[[str], float | None] | None = None
    """What texts are sorted by before their letters: 4 before 16."""


@dataclass(frozen=True)
class ResultType:
    """A kind of result: a JSON file with a schema of its own below results/."""

    name: str
    """One word; with the system's name it is told apart in the summary (column ``type``)."""

    schema: str
    """Name of its JSON Schema; what the file's own ``schema`` says is that schema's constant."""

    pattern: str
    """Regular expression of its paths, from results/ on."""

    rows: Lazy[[Path, Record], Iterable[Row]]
    """The rows of the summary that one file gives; what every row has is put in by
    :mod:`earmark.report.rows`."""

    about: Lazy[[Path, Record], Row] | None = None
    """What comparisons have to know of a file besides its first row, as JSON."""

    listed: bool = True
    """Whether it stands in the page's table of all results."""

    varies: tuple[str, ...] = ()
    """Places of the record that another run need not give again, besides ``timing`` and ``provenance``: what
    belongs to the machine. ``points.speedup``: of every point, its speed-up."""

    rows_named_by: tuple[str, ...] = ()
    """Keys that tell the samples' rows beside the record (JSONL) apart; none: there are no rows."""

    rows_vary: tuple[str, ...] = ()
    """Keys of these rows that belong to the machine."""

    def matches(self, path: str) -> bool:
        """Whether a path is one of such a result."""
        return re.fullmatch(self.pattern, path) is not None


@dataclass(frozen=True)
class Entries:
    """A folder of config/ with a YAML file per thing, and the section of config that goes over it."""

    section: str
    model: type[Section]
    listed_as: tuple[str, ...] = ()
    """Keys of config that name some of them, besides the section's own and that without its s."""

    @property
    def name(self) -> str:
        """What one of them is called: of its schema, and where a mistake in it is named."""
        return self.model.__name__.lower()


@dataclass(frozen=True)
class Effort:
    """What a job takes, for the doctor's estimate; numbers are of the demo, on a core."""

    seconds: float | None = None
    """All of it, where it does not depend on the audio."""

    per_audio_s: float = 0.0
    """CPU seconds per second of audio."""

    split: str = ""
    """Whose clips it hears, where its wildcards don't say."""

    runs: Literal["", "encoder", "decoder"] = ""
    """The part of a published model that goes over the audio."""

    shared: bool = False
    """Whether one job does the work of others of the same task and model in its pass."""


@dataclass(frozen=True)
class Behind:
    """What one result needs of the configuration; what the named things name themselves comes along."""

    things: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names by section: ``{"tasks": ["gtzan"], "models": ["demo"]}``."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """Keys of config that its system owns, cut to this result; those left out keep their defaults."""


@dataclass(frozen=True)
class MadeModel:
    """A model that a system's own rules make."""

    entry: Callable[[], Model]
    """Makes its entry, as of config/models/; raises UserError where it is none that others can use."""

    named: Sequence[tuple[str, str]]
    """The things it is made of, each with its section: ``("models", "mine")``."""


def _nothing(settings: Settings) -> None:
    """Check nothing."""


@dataclass(frozen=True)
class System:
    """A system: its results, the part of config it owns, and what it has to say to everybody else."""

    name: str
    """One word: of its folder, its rules file, its target rule and its results."""

    title: str
    """What it is called on the page."""

    types: tuple[ResultType, ...]

    results: Callable[[Settings], list[str]]
    """The results that the configuration asks for."""

    check_target: Callable[[str, Settings], None]
    """Checks the names in a target, if it is one of this system; raises UserError."""

    behind: Callable[[str, Settings], Behind]
    """What the result at a path needs of the configuration, for the config file that it carries."""

    check: Callable[[Settings], None] = _nothing
    """Checks what the configuration says of this system; raises UserError."""

    files: Callable[[Settings], list[str]] = lambda settings: []
    """What its target rule makes besides results."""

    models: Callable[[Settings], Mapping[str, MadeModel]] = lambda settings: {}
    """Models that its own rules make, by name."""

    wheels: Callable[[Settings], Iterable[Wheel]] = lambda settings: ()
    """The wheels that its own part of config names."""

    tasks: Callable[[Settings], Iterable[str]] = lambda settings: ()
    """The tasks whose data `snakemake audit` looks at for its sake."""

    config: type[Section] | None = None
    """The keys of config that it owns."""

    task_keys: type[Section] | None = None
    """The keys of a task that it owns."""

    kinds: Callable[[], dict[str, type[Section]]] = lambda: {}
    """Further models of what a user writes by the name of their schemas, where an entry's keys depend on its
    kind."""

    entries: tuple[Entries, ...] = ()

    folders: tuple[str, ...] = ()
    """Folders below results/ that it writes to besides the one of its name."""

    on_main_page: bool = True
    """Whether the default targets make its results; otherwise they are drawn where they are found."""

    columns: tuple[Column, ...] = ()
    """Its own columns of the summary."""

    compare: Lazy[[Sequence[Known], Remembered], Iterable[Row]] | None = None
    """The rows that compare its results with each other."""

    point: Lazy[[Row], None] | None = None
    """Adds to a result's row what the table of all results shows of it, see :mod:`earmark.report.points`."""

    first: Lazy[[Material], Answer | None] | None = None
    """What it says on the page's first screen: sentences, and settings side by side."""

    sections: Lazy[[Material], Iterable[figures.Section]] | None = None
    """Its sections of the page."""

    papers: Lazy[[Material], Iterable[figures.Table]] | None = None
    """Tables that a paper prints besides those of its first screen: one for each claim, with a caption."""

    appendices: Lazy[[Material], Iterable[figures.Appendix]] | None = None
    """What it shows at the end of the page."""

    page_files: Callable[[Settings], list[str]] = lambda settings: []
    """Files besides results that its sections and appendices read."""

    checks: Lazy[[Settings], Iterable[Finding]] | None = None
    """What the doctor looks at for its sake; findings are of the area ``systems``."""

    efforts: Mapping[str, Effort] = field(default_factory=dict)
    """What its jobs take, by the folder below benchmarks/ that their time is noted in."""

    usual: Callable[[Mapping[str, str], Settings], bool] = lambda wildcards, settings: True
    """Whether a job with these wildcards takes about what the demo's take, where it is one of this system."""

    outputs: tuple[str, ...] = ()
    """Folders beside results/ that its jobs write to."""

    imports: tuple[str, ...] = ()
    """Kinds of files of other programs (config's ``import``) whose results stand beside its own."""

    templates: tuple[str, ...] = ()
    """The templates of its appendices, below scripts/."""

    order: int = 100
    """Its place on the page; systems with the same follow the alphabet."""

    def made(self, path: str) -> bool:
        """Whether a path is one of its results."""
        return any(kind.matches(path) for kind in self.types)

    @property
    def summary_code(self) -> list[str]:
        """The files below scripts/ behind its rows of the summary."""
        parts = [part for kind in self.types for part in (kind.rows, kind.about)]
        return [part.file for part in (*parts, self.compare) if part]

    @property
    def page_code(self) -> list[str]:
        """The files below scripts/ behind what it draws."""
        parts = (self.point, self.first, self.sections, self.papers, self.appendices)
        return [*(part.file for part in parts if part), *self.templates]
