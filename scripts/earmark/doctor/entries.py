"""Which entries of the configuration are out of reach, why, and what would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.doctor.findings import at_once
from earmark.doctor.jobs import Entry
from earmark.models.families import family
from earmark.models.weight_files import check_complete

NOTHING = "there is no such file or folder"
HUB_PATIENCE_S = 6.0
Kind = Literal["model", "dataset"]


@dataclass(frozen=True)
class Unreachable:
    """An entry that cannot be had; ``key`` is its place in the configuration."""

    key: str
    what: str
    why: str
    fix: str
    needed: bool = False

    def flat(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Repository:
    """A repository of the hub that an entry names."""

    entry: Entry
    key: str
    repo: str
    revision: str
    kind: Kind


def local(settings: Settings) -> Iterator[tuple[Entry, Unreachable]]:
    """Yield the entries that name a local file or folder that isn't there."""
    for name, task in settings.tasks.items():
        root = task["data"]["source"].get("root")
        if root and not Path(root).expanduser().is_dir():
            where, fix = f"tasks.{name}.data.source.root", "put the data there, or set root to where they are"
            yield ("tasks", name), Unreachable(where, root, "there is no such folder", fix)
            continue
        for split, options in settings.segment(name).items():
            if "table" in options and not Path(options["table"]).is_file():
                where = f"tasks.{name}.data.segment.{split}.table"
                yield (
                    ("tasks", name),
                    Unreachable(where, options["table"], "there is no such file", "put it there"),
                )
    for name, model in settings.models.items():
        path = model.get("path")
        if path and not Path(path).expanduser().is_dir():
            fix = "put the checkpoint there, set path to where it is, or give hub instead"
            yield ("models", name), Unreachable(f"models.{name}.path", path, "there is no such folder", fix)
        elif path:
            try:
                check_complete(Path(path).expanduser(), family(model["kind"]).parts.unread)
            except UserError as error:
                why, _, fix = str(error).rpartition("; ")
                yield ("models", name), Unreachable(f"models.{name}.path", path, why or fix, fix)
    for name, student in settings.entries["students"].items():
        path = student["init"].get("path")
        if path and not Path(path).expanduser().exists():
            where = f"students.{name}.init.path"
            yield (
                ("students", name),
                Unreachable(where, path, "there is no such file or folder", "put it there"),
            )
    for name, teacher in settings.entries["teachers"].items():
        for key in ("path", "ids"):
            path = teacher["options"].get(key)
            if isinstance(path, str) and not Path(path).expanduser().exists():
                source = teacher["options"].get("source")
                fix = (
                    f"it is to be had at {source}"
                    if source
                    else "put it there, or set the path to where it is"
                )
                where = f"teachers.{name}.options.{key}"
                yield ("teachers", name), Unreachable(where, path, "there is no such file or folder", fix)


def repositories(settings: Settings) -> Iterator[Repository]:
    """Yield the repositories of the hub that entries name."""
    for name, task in settings.tasks.items():
        hub = task["data"]["source"].get("hub")
        if hub:
            key = f"tasks.{name}.data.source.hub"
            yield Repository(("tasks", name), key, hub["repo"], hub["revision"], "dataset")
    for name, model in settings.models.items():
        if "hub" in model:
            yield Repository(("models", name), f"models.{name}.hub", model["hub"], model["revision"], "model")
    for section, where in (("students", "init"), ("teachers", "options")):
        for name, entry in settings.entries[section].items():
            place = entry[where]
            if isinstance(place.get("hub"), str):
                revision, key = str(place.get("revision", "main")), f"{section}.{name}.{where}.hub"
                yield Repository((section, name), key, place["hub"], revision, "model")


def cached(found: Repository) -> bool:
    """Whether something of that revision is in the local cache of the hub's files."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", found.repo):
        return False
    folder = Path(constants.HF_HUB_CACHE) / f"{found.kind}s--{found.repo.replace('/', '--')}"
    reference = folder / "refs" / found.revision
    commit = reference.read_text(errors="replace").strip() if reference.is_file() else found.revision
    snapshot = folder / "snapshots" / commit
    kept = snapshot.is_dir() and any(path.is_file() for path in snapshot.rglob("*"))
    return kept and (found.kind == "dataset" or any(snapshot.rglob("*.safetensors")))


def remote(settings: Settings, why_not: str) -> Iterator[tuple[Entry, Unreachable]]:
    """Yield the entries whose repository is neither in the local cache nor to be had from the hub.

    ``why_not`` the hub can't be asked; nothing if it can.
    """
    absent = [found for found in repositories(settings) if not cached(found)]
    # Ten tasks may lie in one repository: it is asked for once.
    calls = {(f.repo, f.revision, f.kind): partial(asked, f) for f in absent}
    said = {} if why_not else at_once(calls, HUB_PATIENCE_S)
    for found in absent:
        if why_not:
            why = f"not in the local cache, and the hub can't be asked ({why_not})"
        else:
            why = said[found.repo, found.revision, found.kind] or "the hub took too long to answer"
        if why != REACHED:
            # What the hub says names its own remedy.
            fix = "" if ";" in why else "needs the hub once, or a local folder in its place"
            yield found.entry, Unreachable(found.key, found.repo, why, fix)


REACHED = "reached"


def asked(found: Repository) -> str:
    """Ask the hub about a repository; returns :data:`REACHED` or what is wrong."""
    from huggingface_hub import HfApi

    from earmark.core.hub import plainly

    try:
        with plainly(found.repo, found.revision, "nothing of it is here"):
            HfApi().repo_info(
                found.repo, repo_type=found.kind, revision=found.revision, timeout=HUB_PATIENCE_S
            )
    except UserError as error:
        return str(error).removeprefix(f"{found.repo}: ")
    return REACHED
