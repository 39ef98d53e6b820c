"""Parts of a record turned back into parts of a configuration; the same for every kind of result."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError


def upstream(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result's inputs were made from; raises UserError where its record doesn't say."""
    found: dict[str, Any] | None = made.get("upstream")
    if not found:
        raise UserError(
            "this result does not say what its inputs were made from (it is of an older earmark); "
            "make it again with its own config to get one that does"
        )
    return found


def data(section: Mapping[str, Any], origins: Sequence[str], workdir: Path) -> dict[str, Any]:
    """Return a task's data section: the hub at the commit that was read, folders from ``workdir``."""
    made = copy.deepcopy(dict(section))
    source = made["source"]
    commits = {origin.partition("@")[2] for origin in origins if origin.startswith("hub:")}
    if "hub" in source and len(commits) == 1:
        source["hub"]["revision"] = commits.pop()
    if source.get("root"):
        source["root"] = placed(source["root"], workdir)
    if source["kind"] == "youtube":
        source["lists"] = {split: placed(path, workdir) for split, path in source["lists"].items()}
        source["classes"] = placed(source["classes"], workdir)
    return made


def placed(path: str, workdir: Path) -> str:
    """Return a path of a configuration as it is found from another working directory; an address as it is."""
    return path if "://" in path else str(workdir / Path(path).expanduser())


def weights(made: Mapping[str, Any], origin: Mapping[str, Any], workdir: Path) -> dict[str, Any]:
    """Return the part of a model's settings that says where its weights come from."""
    if "training" in made:
        how = dict(made["training"])
        transcriber = how.pop("recipe") == "transcriber"
        sizes = {"sizes": how["sizes"]} if "sizes" in how else {}
        return {"train": sizes | {"transcriber": how} if transcriber else how}
    if "composed" in made:
        return {key: made["composed"][key] for key in ("compose", "projector")}
    return fixed(made, origin, workdir)


def companions(
    made: Mapping[str, Any], parts: Mapping[str, Any], workdir: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tasks a composed model learned from and the models it is made of; none of other models.

    ``parts`` are those of its record, which say where their weights came from.
    """
    if "composed" not in made:
        return {}, {}
    composed = made["composed"]
    names = {composed["compose"][part]: parts[part]["origin"] for part in ("encoder", "decoder")}
    models = {name: {**fixed(entry, names[name], workdir)} for name, entry in composed["models"].items()}
    tasks = {
        name: {**task, "data": data(task["data"], [], workdir)} for name, task in composed["tasks"].items()
    }
    return tasks, models


def fixed(given: Mapping[str, Any], origin: Mapping[str, Any], workdir: Path) -> dict[str, Any]:
    """Return settings that name a checkpoint: a folder from ``workdir``, the hub at the commit used."""
    if given.get("path"):
        return {**given, "path": placed(given["path"], workdir)}
    if given.get("hub"):
        return {**given, "revision": origin.get("commit", given["revision"])}
    return dict(given)


def methods(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the ``methods`` of a configuration that give these again."""
    wanted = ("reducer", "options", "reference")
    return {
        each["name"]: {key: each[key] for key in (*wanted, *(("layer",) if each["kind"] == "tokens" else ()))}
        for each in entries
    }
