"""How a pruned evaluation is asked for again: from its record to the files of a workflow's configuration."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from earmark.errors import UserError
from earmark.keep import spelled
from earmark.reproduction.request import Request

SCHEMA = "result"

COMPARED = ("asked", "reduction", "counts", "metrics", "per_class", "per_group", "failures")
"""Parts of the record that another run must give again; the rest says how and where it ran."""

UNCOMPARED_OF_ROWS = ("seconds", "batch_rows", "cache_bytes")
"""What of a sample's row belongs to the machine: time, and how many rows memory took at once."""


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run; local folders are looked for below ``workdir`` unless they are absolute.

    Revisions of the hub are set to the commits that were used.

    Raises:
        UserError: the record is of a version that did not say what its inputs were made from.

    """
    made = record["provenance"]
    used, upstream = made["config"], made.get("upstream")
    if not upstream:
        raise UserError(
            "this result does not say what its inputs were made from (it is of an older earmark); "
            "make it again with its own config to get one that does"
        )
    task, model, method, run = (copy.deepcopy(used[part]) for part in ("task", "model", "method", "run"))
    name, chosen, profile = task.pop("name"), model.pop("name"), task.pop("profile")
    task.pop("scoring")
    task["data"] = _local(_pinned(upstream["data"], made["data"].get("origins", [])), workdir)
    if profile != "default":
        # The wording that the profile led to stands in the task itself; its name must stay known.
        task["profiles"] = {profile: {}}
    model |= _weights(upstream["weights"], made["model"]["origin"], workdir)
    model["labels"] = [label for label in run.pop("labels") if label == "embedded"]
    method_name, keep, tokens = method["name"], method["keep_ratio"], method["keep_tokens"]
    ratio = f"{tokens}t" if keep is None else spelled(keep)
    wanted = ("reducer", "options", "reference") + (("layer",) if method["kind"] == "tokens" else ())
    config = {
        "seed": run.pop("seed"),
        "device": run.pop("device"),
        "default_model": chosen,
        "profile": profile,
        "methods": {method_name: {key: method[key] for key in wanted}},
        "features": upstream["features"],
        "evaluate": run,
        "grid": [],
        "prefill": [],
        "embeddings": [],
    }
    target = f"results/{name}_{method_name}_{ratio}.json"
    return Request(config, {name: task}, {chosen: model}, target)


def _pinned(data: dict[str, Any], origins: list[str]) -> dict[str, Any]:
    """Return a data section whose hub revision is the commit that was read."""
    pinned = copy.deepcopy(data)
    hub = pinned["source"].get("hub")
    commits = {origin.partition("@")[2] for origin in origins if origin.startswith("hub:")}
    if hub and len(commits) == 1:
        hub["revision"] = commits.pop()
    return pinned


def _local(data: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """Return a data section whose root is found from another working directory."""
    root = data["source"].get("root")
    if root:
        data["source"]["root"] = str(workdir / Path(root).expanduser())
    return data


def _weights(weights: dict[str, Any], origin: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """Return the part of a model's settings that says where its weights come from."""
    if "training" in weights:
        how = dict(weights["training"])
        transcriber = how.pop("recipe") == "transcriber"
        sizes = {"sizes": how["sizes"]} if "sizes" in how else {}
        return {"train": sizes | {"transcriber": how} if transcriber else how}
    if "path" in weights:
        return {"path": str(workdir / Path(weights["path"]).expanduser())}
    if "hub" in weights:
        return weights | {"revision": origin.get("commit", weights["revision"])}
    return weights
