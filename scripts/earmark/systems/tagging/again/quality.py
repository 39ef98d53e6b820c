"""How a result of students is asked for again: trainings, teachers and predictions included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earmark.reproduction import parts
from earmark.reproduction.request import DEFAULT_MODEL, Request

SCHEMA = "tagging_result"
COMPARED = ("asked", "tokens", "counts", "metrics", "chance", "per_class", "per_run", "failures", "pairing")
UNCOMPARED_OF_ROWS = ()


def name(row: dict[str, Any]) -> str:
    """Return what tells a row from all others: fold, seed and clip."""
    return f"{row['fold']}-{row['seed']} {row['clip_id']}"


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another run must give again; speed is the machine's."""
    return {key: record[key] for key in COMPARED}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return the checksums of what went in, over all runs."""
    runs = [made["runs"][run] for run in sorted(made["runs"])]

    def of(side: str, key: str) -> list[Any]:
        return [run[side]["data"].get(key) for run in runs]

    return {
        "test clips": of("predictions", "clips_sha256"),
        "test spectrograms": of("predictions", "states_sha256"),
        "training clips": of("student", "clips_sha256"),
        "training spectrograms": of("student", "states_sha256"),
        "teachers' logits": of("student", "logits_sha256"),
        "students": [run["student"]["weights"] for run in runs],
    }


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run, as for other results; raises UserError for a record of an older version."""
    made = record["provenance"]
    used, upstream = made["config"], parts.upstream(made)
    recipe, student = dict(used["recipe"]), dict(used["student"])
    task, chosen, run = used["task"]["name"], recipe.pop("name"), used["run"]
    behind = next(iter(made["runs"].values()))
    student["init"] = parts.fixed(student["init"], behind["student"]["start"], workdir)
    recipes = {chosen: recipe}
    if recipe["baseline"]:
        # Nothing is made of it; its name must be known.
        recipes[recipe["baseline"]] = {"title": recipe["baseline"], "student": recipe["student"]}
    origins = behind["predictions"]["data"].get("origins", [])
    sections = {
        "tasks": {
            task: {
                "title": used["task"]["title"],
                "data": parts.data(upstream["data"], origins, workdir),
                "tagging": upstream["tagging"],
            }
        },
        "recipes": recipes,
        "students": {recipe["student"]: student},
        "teachers": _teachers(upstream["teachers"], behind["student"]["teachers"], workdir),
        "models": {},
    }
    config = {
        "seed": run["seed"],
        "device": upstream["device"],
        "default_model": DEFAULT_MODEL,
        "evaluate": {"max_failed_share": run["max_failed_share"]},
        "tagging": {
            "grid": [],
            "bootstrap": run["resamples"],
            **{key: upstream[key] for key in ("batch", "speed", "schedules")},
        },
    }
    return Request(config, sections, f"results/tagging/{task}_{chosen}_r{used['r']}.json")


def _teachers(
    entries: Mapping[str, Any], heard: Mapping[str, Any] | None, workdir: Path
) -> dict[str, dict[str, Any]]:
    """Return the teachers, with their files found from ``workdir`` and at the commits that were used."""
    origins = {each["teacher"]: each.get("origin", {}) for each in (heard or {}).get("teachers", [])}
    made = {}
    for each, entry in entries.items():
        options = parts.fixed(entry["options"], origins.get(each, {}), workdir)
        if options.get("ids"):
            options["ids"] = parts.placed(options["ids"], workdir)
        made[each] = {**entry, "options": options}
        if entry["classes"] not in ("audioset", "task"):
            made[each]["classes"] = parts.placed(entry["classes"], workdir)
    return made
