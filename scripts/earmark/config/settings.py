"""The configuration: read, completed with defaults, checked, and cut to what each rule reads.

Imported by the Snakefile at parse time, so it stays light: YAML and JSON Schema only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from earmark.config import wording
from earmark.config.files import checked_source, overlaid, read_folder
from earmark.config.method_options import check_options
from earmark.config.ratio import budget, spelled
from earmark.config.schema import CONFIG, checked, schema
from earmark.core.errors import UserError, nearest
from earmark.core.places import ROOT, SCRIPTS
from earmark.models.entry import costs
from earmark.models.families import family
from earmark.reproduction.upstream import resolved, upstream
from earmark.scoring import catalogue
from earmark.systems.embeddings import request
from earmark.systems.tagging import request as tagging
from earmark.systems.tagging.teachers import request as teachers

BASE = "base"
DEFAULT_PROFILE = "default"
SECTIONS = {
    "tasks": "task",
    "models": "model",
    "recipes": "recipe",
    "students": "student",
    "teachers": "teacher",
}
"""The folders of config/ with one YAML per thing, and the schema of each."""


@dataclass(frozen=True)
class Settings:
    """The whole checked configuration; its methods cut out what one rule reads."""

    content: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    recipes: dict[str, dict[str, Any]]
    students: dict[str, dict[str, Any]]
    teachers: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, config: Mapping[str, Any], workdir: Path) -> Settings:
        """Check a config as Snakemake merged it, with the YAML files of tasks and models.

        Files are read from the workflow's config/ and, if it is elsewhere, from ``config/`` of the
        working directory; the sections of the config that are named like their folders go over them.

        Raises:
            UserError: names the file or key and the fix.

        """
        content = checked(dict(config), schema("config"), "config")
        sections: dict[str, dict[str, Any]] = {}
        for section, kind in SECTIONS.items():
            found = read_folder(CONFIG / section)
            if workdir.resolve() != ROOT:
                found |= read_folder(workdir / "config" / section)
            merged = {name: found.get(name) for name in sorted(found.keys() | content[section].keys())}
            sections[section] = {
                name: checked(
                    overlaid(base or {}, content[section].get(name, {})), schema(kind), f"{kind} '{name}'"
                )
                for name, base in merged.items()
            }
        for name, task in sections["tasks"].items():
            task["data"]["source"] = checked_source(task["data"]["source"], f"task '{name}': data.source")
        for name, model in sections["models"].items():
            try:
                family(model["kind"])
            except UserError as error:
                raise UserError(f"model '{name}': kind: {error}") from None
        for name, teacher in sections["teachers"].items():
            sections["teachers"][name] = teachers.completed(name, teacher)
        settings = cls(content, **sections)
        settings.check_profiles()
        for name, task in settings.tasks.items():
            wording.check(name, task)
        settings.model(content["default_model"])
        for cell in settings.cells():
            try:
                settings.check(*cell)
            except UserError as error:
                raise UserError(f"config: grid: {error}") from None
        for block in content["prefill"]:
            settings.model(block["model"])
            for method in block["methods"]:
                settings.method(method, settings.model(block["model"]))
        list(request.blocks(settings))
        tagging.check(settings)
        for name in settings.tasks:
            settings.segment(name)
        for name in settings.content["methods"]:
            settings.method(name, settings.model(content["default_model"]))
        return settings

    def task(self, name: str) -> dict[str, Any]:
        """Return a task; raises UserError with the nearest name."""
        if name not in self.tasks:
            raise UserError(f"unknown task '{name}'; {nearest(name, self.tasks)}")
        return self.tasks[name]

    def model(self, name: str) -> dict[str, Any]:
        """Return a model; raises UserError with the nearest name."""
        if name not in self.models:
            raise UserError(f"unknown model '{name}'; {nearest(name, self.models)}")
        return self.models[name]

    @property
    def methods(self) -> list[str]:
        """Every method name: the reducers' files and the variants of config."""
        return sorted(set(reducers()) | set(self.content["methods"]))

    def method(self, name: str, model: Mapping[str, Any]) -> dict[str, Any]:
        """Return a method's reducer, layer, options; raises UserError with the nearest name."""
        if name not in self.methods:
            raise UserError(f"unknown method '{name}'; {nearest(name, self.methods)}")
        entry = self.content["methods"].get(name, {})
        reducer = entry.get("reducer", name)
        if reducer not in reducers():
            raise UserError(
                f"config: methods.{name}.reducer: unknown reducer '{reducer}'; {nearest(reducer, reducers())}"
            )
        # A cache method compresses every layer.
        cache = reducers()[reducer].startswith("earmark/compression/")
        if cache and "layer" in entry:
            raise UserError(
                f"config: methods.{name}.layer: {reducer} compresses every layer; leave layer out"
            )
        options = entry.get("options", {})
        check_options(f"config: methods.{name}.options", SCRIPTS / reducers()[reducer], options)
        return {
            "name": name,
            "reducer": reducer,
            "kind": "cache" if cache else "tokens",
            "layer": 0 if cache else entry.get("layer", model["reduction_layer"]),
            "options": options,
            "reference": entry.get("reference", False),
        }

    def cells(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield (model, task, method, ratio) of the grid, the base of every task and model first."""
        seen = set()
        for block in self.content["grid"]:
            for model in block.get("models", [self.content["default_model"]]):
                for task in block["tasks"]:
                    cells = [(model, task, BASE, "1.0")]
                    cells += [
                        (model, task, m, spelled(r))
                        for m in block["methods"]
                        for r in block["ratios"]
                        if m != BASE
                    ]
                    for cell in cells:
                        if cell not in seen:
                            seen.add(cell)
                            yield cell

    def check(self, model: str, task: str, method: str, ratio: str) -> None:
        """Check the names and the ratio of one result; raises UserError."""
        self.task(task)
        reducer = self.method(method, self.model(model))["reducer"]
        budget(ratio)
        if reducer == BASE and ratio != "1.0":
            raise UserError(f"method '{method}' keeps everything: its only ratio is 1.0, not {ratio}")

    def check_reach(self, model: str, task: str) -> None:
        """Check that local folders a result needs are there; raises UserError before any job runs."""
        path = self.model(model).get("path")
        if path and not Path(path).expanduser().is_dir():
            raise UserError(f"model '{model}': path: there is no folder {path}")
        root = self.task(task)["data"]["source"].get("root")
        if root and not Path(root).expanduser().is_dir():
            raise UserError(f"task '{task}': data.source.root: there is no folder {root}")

    def path(self, model: str, task: str, method: str, ratio: str) -> str:
        """Return the result's path."""
        folder = "" if model == self.content["default_model"] else f"{model}/"
        return f"results/{folder}{task}_{method}_{ratio}.json"

    def asked(self, task: str) -> dict[str, Any]:
        """Return how a task is asked and scored: its settings, in the wording of config's profile.

        A task that has no such profile keeps its own wording, and says so: its profile is ``default``.
        """
        entry, profile = self.task(task), self.content["profile"]
        if profile not in entry["profiles"]:
            profile = DEFAULT_PROFILE
        asked = wording.worded(entry, None if profile == DEFAULT_PROFILE else profile)
        return {"name": task, "profile": profile, **asked}

    def check_profiles(self) -> None:
        """Check that some task knows the profile that config names; raises UserError."""
        known = {name for task in self.tasks.values() for name in task["profiles"]}
        profile = self.content["profile"]
        if profile != DEFAULT_PROFILE and profile not in known:
            raise UserError(
                f"config: profile: no task has a profile '{profile}'; "
                f"{nearest(profile, [*known, DEFAULT_PROFILE])}"
            )

    def training(self, model: str, task: str) -> dict[str, Any]:
        """Return the recipe a model is trained with for a task, and its settings.

        A task whose answers are transcripts needs another recipe than one of multiple choice; what both
        share is written once.
        """
        train = dict(self.model(model)["train"])
        transcriber = train.pop("transcriber", {})
        if catalogue.of_answers(self.task(task)["metric"]).answers == "choice":
            return {"recipe": "listener", **train}
        shared = {key: train[key] for key in ("seed", "save_every", "sizes") if key in train}
        return {"recipe": "transcriber", **shared, **transcriber}

    def cell(self, model: str, task: str, method: str, ratio: str) -> dict[str, Any]:
        """Return everything the evaluation of one cell reads, and nothing else."""
        entry, evaluate = self.task(task), self.content["evaluate"]
        labels = set(self.model(model)["labels"])
        if entry["data"]["source"]["kind"].startswith("synthetic"):
            labels.add("synthetic")
        used = ("kind", "dtype", "attention", "max_audio_s", "load")
        return {
            "task": self.asked(task),
            "model": {"name": model, **{key: self.model(model)[key] for key in used}},
            "method": self.method(method, self.model(model)) | budget(ratio),
            "run": {
                **evaluate,
                "seed": self.content["seed"],
                "device": self.content["device"],
                "labels": sorted(labels),
            },
            "upstream": upstream(self, model, task),
        }

    def fetched(self, task: str) -> bool:
        """Whether a task's recordings are fetched item by item, shard by shard."""
        return self.task(task)["data"]["source"]["kind"] == "youtube"

    def used_tasks(self) -> list[str]:
        """Return the tasks of the grid and of the embeddings."""
        tasks = [block["tasks"] for block in self.content["grid"] + self.content["embeddings"]]
        return sorted({task for names in tasks for task in names})

    def segment(self, task: str) -> dict[str, Any]:
        """Return how a task's recordings become clips, cut lists by their paths.

        Raises:
            UserError: a cut list is not below the source's root, or fetched recordings are to be joined.

        """
        data = copy.deepcopy(self.task(task)["data"])
        for split, options in data["segment"].items():
            if options["kind"] == "join" and self.fetched(task):
                raise UserError(
                    f"task '{task}': data.segment.{split}.kind: recordings fetched shard by shard are not "
                    "joined; use whole or windows"
                )
            if "table" in options:
                where = f"task '{task}': data.segment.{split}.table"
                if "root" not in data["source"]:
                    raise UserError(f"{where}: a cut list lies below data.source.root, and there is none")
                root = Path(data["source"]["root"]).expanduser()
                path = root / options["table"]
                if not path.resolve().is_relative_to(root.resolve()):
                    raise UserError(f"{where}: '{options['table']}' leads out of {root}")
                options["table"] = str(path)
        segment: dict[str, Any] = data["segment"]
        return segment

    def audit(self, task: str) -> dict[str, Any]:
        """Return what the audit of a task's data reads: its title, and what decides a model's cost."""
        entry = self.task(task)
        synthetic = entry["data"]["source"]["kind"].startswith("synthetic")
        default = self.model(self.content["default_model"])
        return {
            "title": entry["title"],
            "labels": ["synthetic"] if synthetic else [],
            "tokens_per_second": family(default["kind"]).audio.tokens_per_second,
            "models": {name: costs(model) for name, model in self.models.items()},
        }

    def gpus(self) -> int:
        """Return the GPUs a computing job needs: one, unless it will run on the CPU."""
        device = self.content["device"]
        return int(device.startswith("cuda") or (device == "auto" and Path("/dev/nvidia0").exists()))

    def encoding(self, model: str, task: str) -> dict[str, Any]:
        """Return what the encoding of a task's clips reads."""
        entry = self.model(model)
        return {
            **{key: entry[key] for key in ("kind", "dtype")},
            **self.content["features"],
            "device": self.content["device"],
            "source": self.task(task)["data"]["source"]["kind"],
        }

    def prefill(self, model: str, seconds: int) -> dict[str, Any]:
        """Return what a prefill timing reads; raises UserError if config has none of that name."""
        entry = self.model(model)
        for block in self.content["prefill"]:
            if (block["model"], block["audio_s"]) == (model, seconds):
                return {
                    "model": {
                        "name": model,
                        **{key: entry[key] for key in ("kind", "dtype", "attention", "labels", "load")},
                    },
                    "methods": [self.method(name, entry) for name in block["methods"]],
                    "ratios": block["ratios"],
                    "audio_s": seconds,
                    "repeats": block["repeats"],
                    "seed": self.content["seed"],
                    "device": self.content["device"],
                    "upstream": {"weights": resolved(entry)},
                }
        raise UserError(f"config: prefill has no entry for model '{model}' at {seconds} s")


@cache
def reducers() -> dict[str, str]:
    """Return the module of each method, below scripts/: those that define a reducer or a compressor."""
    found = {}
    for package, base, prefix in (("reduction", "Reducer", ""), ("compression", "Compressor", "kv-")):
        for path in sorted((SCRIPTS / "earmark" / package).glob("*.py")):
            if f"({base}):" in path.read_text():
                found[prefix + path.stem] = f"earmark/{package}/{path.name}"
    return found
