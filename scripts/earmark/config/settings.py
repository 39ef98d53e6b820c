"""The configuration: read, completed with defaults, checked, and cut to what each rule reads.

Imported by the Snakefile at parse time, so it stays light: YAML and pydantic only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

from earmark.config import composed, reading, whole, wording
from earmark.config.asked import Asked, Choice
from earmark.config.broken import Broken, spread, told, without
from earmark.config.common import Config
from earmark.config.forming import Cuts, Forming
from earmark.config.hints import where_described
from earmark.config.links import Thing, Tour
from earmark.config.model import Model
from earmark.config.section import Section
from earmark.config.source import AnySource, Rooted
from earmark.config.task import Task
from earmark.config.values import Split
from earmark.config.wording import DEFAULT_PROFILE
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.data.audit.request import Request
from earmark.models.encoding import Encoding
from earmark.models.families import family
from earmark.models.outline import Outline, costs
from earmark.scoring import catalogue
from earmark.systems.contract import Entries
from earmark.systems.registry import reserved, systems

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Settings:
    """The whole checked configuration; its methods cut out what one rule reads."""

    config: Config
    named: dict[str, dict[str, Section]]
    """By section (``tasks``, ``models``, those that systems own) and name: one YAML of config/ each."""

    broken: Broken = field(default_factory=dict)
    """What is wrong with files of config/; nothing here names what they are about."""

    def of(self, part: type[S]) -> S:
        """Return the configuration as the part of it that a system owns."""
        assert isinstance(self.config, part), f"{part} is no part of the configuration"
        return self.config

    def each(self, kind: type[S]) -> dict[str, S]:
        """Return the things of a kind by name: every ``Recipe``."""
        return cast(dict[str, S], self.named[_entries(kind).section])

    def one(self, kind: type[S], name: str) -> S:
        """Return a thing of a kind; raises UserError with the nearest name, or what its file gets wrong."""
        entries = _entries(kind)
        self.check_sound(entries.section, name)
        known = self.named[entries.section]
        if name not in known:
            raise UserError(f"unknown {entries.name} '{name}'; {nearest(name, known)}")
        return cast(S, known[name])

    @cached_property
    def plain(self) -> dict[str, dict[str, Json]]:
        """What :attr:`named` holds, as JSON holds it."""
        return {
            section: {name: entry.plain() for name, entry in found.items()}
            for section, found in self.named.items()
        }

    def tour(self, section: str, name: str) -> Tour:
        """Return what a thing leads to: what it names, its local paths, its repositories of the hub."""
        tour = Tour()
        self.named[section][name].model_dump(context=tour)
        return tour

    @cached_property
    def links(self) -> dict[Thing, list[Thing]]:
        """What each thing names: a recipe its student, its teachers and its baseline."""
        things = ((section, name) for section, entries in self.named.items() for name in entries)
        return {
            # Files may lie where a task's would without there being such a task.
            thing: [link for link in self.tour(*thing).named if link[0] != "tasks" or link[1] in self.tasks]
            for thing in things
        }

    def moved(self, workdir: Path) -> dict[str, dict[str, Json]]:
        """Return :attr:`named` as JSON, relative paths as they are found from elsewhere than ``workdir``."""
        tour = Tour(workdir=workdir)
        return {
            section: {name: entry.model_dump(mode="json", context=tour) for name, entry in found.items()}
            for section, found in self.named.items()
        }

    @classmethod
    def load(cls, config: Json, workdir: Path) -> Settings:
        """Check a config as Snakemake merged it, with the YAML files of tasks and models.

        Files are read from the workflow's config/ and, if it is elsewhere, from ``config/`` of the
        working directory; the sections of the config that are named like their folders go over them.

        Raises:
            UserError: names the file or key and the fix.

        """
        read = whole.config_model().read(config, "config")
        broken: Broken = {}
        named = {kind.section: reading.entries(kind, read, workdir, broken) for kind in whole.entries()}
        settings = cls(read, named)
        for section, check in (("tasks", settings.check_task), ("models", settings.check_model)):
            for name in list(named[section]):
                try:
                    check(name)
                except UserError as error:
                    reading.keep(broken, section, name, error, read, workdir)
                    del named[section][name]
        if broken:
            spread(broken, named)
            said = without(config, broken, read.default_model, whole.entries())
            settings = cls(whole.config_model().read(said, "config"), named, broken)
        settings.check_profiles()
        settings.check_models()
        for system in systems():
            system.check(settings)
        return settings

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """Every task."""
        return self.each(Task)

    @cached_property
    def models(self) -> dict[str, Model]:
        """Every model."""
        return self.each(Model)

    def task(self, name: str) -> Task:
        """Return a task; raises UserError with the nearest name, or with what is wrong with its file."""
        return self.one(Task, name)

    def task_of(self, part: type[S], name: str) -> S:
        """Return a task as the part of it that a system owns; raises UserError as :meth:`task`."""
        task = self.task(name)
        assert isinstance(task, part), f"{part} is no part of a task"
        return task

    def model(self, name: str) -> Model:
        """Return a model, or one that a system makes; UserError with the nearest name, or what is wrong."""
        self.check_sound("models", name)
        if name not in self.models:
            for system in systems():
                if (made := system.models(self).get(name)) is not None:
                    return made.entry()
            raise UserError(f"unknown model '{name}'; {where_described('models', name, self.models)}")
        return self.models[name]

    def check_sound(self, section: str, name: str) -> None:
        """Check that nothing is wrong with the file of a thing; raises UserError."""
        if (section, name) in self.broken:
            raise UserError(self.broken[section, name])

    def check_all_sound(self) -> None:
        """Check that nothing is wrong with any file of config/; raises UserError."""
        if self.broken:
            raise UserError(told(self.broken))

    def check_task(self, name: str) -> None:
        """Check that what a task's keys say fits together; raises UserError."""
        wording.check(name, self.tasks[name])
        self.segment(name)

    def check_answers(self, model: str) -> None:
        """Check that a model answers questions, and is no part of others alone; raises UserError."""
        composed.check_answers(self, model)

    def check_reach(self, model: str, task: str) -> None:
        """Check that local folders a result needs are there; raises UserError before any job runs."""
        path = self.model(model).path
        if path and not Path(path).expanduser().is_dir():
            raise UserError(f"model '{model}': path: there is no folder {path}")
        source = self.task(task).data.source
        root = source.root if isinstance(source, Rooted) and source.archive is None else None
        if root and not Path(root).expanduser().is_dir():
            raise UserError(f"task '{task}': data.source.root: there is no folder {root}")

    def asked(self, task: str) -> Asked:
        """Return how a task is asked and scored: its settings, in the wording of config's profile.

        A task that has no such profile keeps its own wording, and says so: its profile is ``default``.
        """
        entry, profile = self.task(task), self.config.profile
        if task not in self._asked:
            known = profile if profile in entry.profiles else DEFAULT_PROFILE
            self._asked[task] = wording.worded(task, entry, known)
        return self._asked[task]

    @cached_property
    def _asked(self) -> dict[str, Asked]:
        """Those that were asked for before: a plan asks for each of thousands of results."""
        return {}

    @cached_property
    def heard_as(self) -> dict[str, str]:
        """By task: the first by name with the same data, of those whose clips are all encoded."""
        first: dict[str, str] = {}
        data = {name: json.dumps(task["data"], sort_keys=True) for name, task in self.plain["tasks"].items()}
        for name in sorted(name for name, task in self.tasks.items() if task.sample_limit is None):
            first.setdefault(data[name], name)
        return {name: first.get(content, name) for name, content in data.items()}

    def check_profiles(self) -> None:
        """Check that some task knows the profile that config names; raises UserError."""
        known = {name for task in self.tasks.values() for name in task.profiles}
        profile = self.config.profile
        if profile != DEFAULT_PROFILE and profile not in known:
            raise UserError(
                f"config: profile: no task has a profile '{profile}'; "
                f"{nearest(profile, [*known, DEFAULT_PROFILE])}"
            )

    def check_model(self, name: str) -> None:
        """Check that a model's family is known and its name free to be a folder's; raises UserError."""
        try:
            family(self.models[name].kind)
        except UserError as error:
            raise UserError(f"model '{name}': kind: {error}") from None
        taken = reserved()
        if name in taken:
            raise UserError(
                f"model '{name}': results/{name}/ belongs to {taken[name]}; give the model another name "
                f"(config/models/{name}.yaml, or models in config)"
            )

    def check_models(self) -> None:
        """Check that parts of composed models and the default model are there; raises UserError."""
        composed.check(self)
        default = self.config.default_model
        # A configuration of a single result has no model where that needs none.
        if self.models and ("models", default) not in self.broken:
            self.model(default)

    def training(self, model: str, task: str) -> Json:
        """Return the recipe a model is trained with for a task, and its settings.

        A task whose answers are transcripts needs another recipe than one of multiple choice; what both
        share is written once.
        """
        train = dict(self.model(model).train or {})
        transcriber = train.pop("transcriber", {})
        if catalogue.of_answers(self.task(task).metric).answers == "choice":
            return {"recipe": "listener", **train}
        shared = {key: train[key] for key in ("seed", "save_every", "sizes") if key in train}
        return {"recipe": "transcriber", **shared, **transcriber}

    def fetched(self, task: str) -> bool:
        """Whether a task's recordings are fetched item by item, shard by shard."""
        return self.task(task).data.source.fetched

    def synthetic(self, task: str) -> bool:
        """Whether a task's recordings are made up, which every result of theirs is labelled with."""
        return self.task(task).data.source.synthetic

    def used_tasks(self) -> list[str]:
        """Return the tasks whose data systems want to be audited."""
        return sorted({task for system in systems() for task in system.tasks(self)})

    def segment(self, task: str) -> dict[Split, Forming]:
        """Return how a task's recordings become clips, cut lists by their paths.

        Raises:
            UserError: a cut list is not below the source's root, or fetched recordings are to be joined.

        """
        data = self.task(task).data
        found: dict[Split, Forming] = {}
        for split, form in data.segment.items():
            where = f"task '{task}': data.segment.{split}"
            if form.kind == "join" and data.source.fetched:
                raise UserError(
                    f"{where}.kind: recordings fetched shard by shard are not joined; use whole or windows"
                )
            found[split] = _below(form, data.source, where) if form.kind == "cuts" else form
        return found

    def audit(self, task: str) -> Request:
        """Return what the audit of a task's data reads: its title, and what decides a model's cost."""
        default = self.model(self.config.default_model)
        return Request(
            title=self.task(task).title,
            labels=["synthetic"] if self.synthetic(task) else [],
            tokens_per_second=family(default.kind).audio.tokens_per_second,
            # Parts of composed models answer nothing by themselves, and cost nothing by themselves.
            models={
                name: costs(Outline.of(model))
                for name, model in self.models.items()
                if family(model.kind).answers
            },
        )

    @cached_property
    def gpus(self) -> int:
        """The GPUs a computing job needs: one, unless it will run on the CPU."""
        device = self.config.device
        return int(device.startswith("cuda") or (device == "auto" and Path("/dev/nvidia0").exists()))

    def encoding(self, model: str, task: str, choice: Choice | None = None) -> Encoding:
        """Return what the encoding of a task's clips reads; ``choice`` says which, where it isn't all."""
        entry = self.model(model)
        return Encoding(
            kind=entry.kind,
            dtype=entry.dtype,
            batch_audio_s=self.config.features.batch_audio_s,
            device=self.config.device,
            source=self.task(task).data.source.kind,
            choice=choice,
            seed=None if choice is None else self.config.seed,
        )


def _entries(kind: type[Section]) -> Entries:
    """Return the section of config that things of a kind stand in."""
    return next(each for each in whole.entries() if issubclass(each.model, kind))


def _below(form: Cuts, source: AnySource, where: str) -> Cuts:
    """Return how recordings are cut, the cut list by its path below the source's root."""
    if form.table is None:
        return form
    if not isinstance(source, Rooted) or source.root is None:
        raise UserError(f"{where}.table: a cut list lies below data.source.root, and there is none")
    root = Path(source.root).expanduser()
    path = root / form.table
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{where}.table: '{form.table}' leads out of {root}")
    return form.model_copy(update={"table": str(path)})
