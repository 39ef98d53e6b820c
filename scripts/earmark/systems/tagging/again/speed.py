"""How a student's speed is measured again: its times are the machine's, what was timed must be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction import parts
from earmark.reproduction.request import DEFAULT_MODEL, Request

SCHEMA = "tagging_speed"
COMPARED = ("labels", "task", "student", "sizes", "strides", "frames", "classes", "parameters", "r", "tokens")


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another measurement must give again: sizes, tokens and multiply-accumulates."""
    return {key: record[key] for key in (*COMPARED, "mac_speedup")}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return no checksum: weights are random, and of the data nothing but the number of classes counts."""
    return {}


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run, as for other results; raises UserError for a record of an older version."""
    made = record["provenance"]
    used, upstream = made["config"], parts.upstream(made)
    task, student = used["task"], dict(used["student"])
    chosen = student.pop("name")
    entry = {
        "title": task,
        "data": parts.data(upstream["data"], [], workdir),
        "tagging": upstream["tagging"],
    }
    config = {
        "device": used["device"],
        "default_model": DEFAULT_MODEL,
        "tagging": {
            "schedules": used["schedules"],
            "speed": {key: used[key] for key in ("batches", "repeats")},
        },
    }
    sections = {
        "tasks": {task: entry},
        "students": {chosen: student | {"title": chosen, "init": {"from": "random"}}},
    }
    return Request(config, sections, f"results/tagging/speed/{task}_{chosen}_r{used['r']}.json")
