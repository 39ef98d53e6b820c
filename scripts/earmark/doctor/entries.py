"""Which entries of the configuration are out of reach, why, and what would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from earmark.config.links import Kind
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.doctor.findings import at_once
from earmark.doctor.jobs import Entry
from earmark.models.families import family
from earmark.models.weight_files import check_complete

NOTHING = "there is no such file or folder"
HUB_PATIENCE_S = 6.0


@dataclass(frozen=True)
class Unreachable:
    """An entry that cannot be had; ``key`` is its place in the configuration."""

    key: str
    what: str
    why: str
    fix: str
    needed: bool = False

    def flat(self) -> Json:
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
    for section, entries in settings.named.items():
        for name, entry in entries.items():
            paths = dict.fromkeys(settings.tour(section, name).paths)
            missing = [path for path in paths if not Path(path).expanduser().exists()]
            for key, path, holder in (place for each in missing for place in _places(entry.plain(), each)):
                # A folder that an archive is unpacked into need not be there.
                if holder.get("archive") is None:
                    where = f"{section}.{name}.{key}"
                    yield (section, name), Unreachable(where, path, NOTHING, _fix(key, holder))
            if section == "tasks" and not missing:
                yield from _cut_lists(settings, name)
    yield from _damaged(settings)


def _places(entry: Any, value: str, *keys: str) -> Iterator[tuple[str, str, Json]]:
    """Yield each key of an entry that has a value, in words, the value, and what the key is part of."""
    if isinstance(entry, dict):
        for key, inner in entry.items():
            if inner == value:
                yield ".".join((*keys, str(key))), value, entry
            yield from _places(inner, value, *keys, str(key))
    elif isinstance(entry, list):
        for number, inner in enumerate(entry):
            yield from _places(inner, value, *keys, str(number))


def _fix(key: str, holder: Json) -> str:
    """Return what mends a path that leads nowhere; what it is part of may say where the file comes from."""
    source = holder.get("source")
    last = key.rpartition(".")[2]
    return f"get it from {source}" if source else f"put it there, or set {last} to where it is"


def _cut_lists(settings: Settings, task: str) -> Iterator[tuple[Entry, Unreachable]]:
    """Yield the lists below a task's folder that recordings are cut along and that are not there."""
    for split, options in settings.segment(task).items():
        if options.kind == "cuts" and options.table and not Path(options.table).is_file():
            where = f"tasks.{task}.data.segment.{split}.table"
            yield ("tasks", task), Unreachable(where, options.table, NOTHING, "put it there")


def _damaged(settings: Settings) -> Iterator[tuple[Entry, Unreachable]]:
    """Yield the models whose folder is there and lacks something."""
    for name, model in settings.models.items():
        path = model.path
        if path and Path(path).expanduser().exists():
            try:
                check_complete(Path(path).expanduser(), family(model.kind).parts.unread)
            except UserError as error:
                why, _, fix = str(error).rpartition("; ")
                yield ("models", name), Unreachable(f"models.{name}.path", path, why or fix, fix)


def repositories(settings: Settings) -> Iterator[Repository]:
    """Yield the repositories of the hub that entries name."""
    for section, entries in settings.named.items():
        for name, entry in entries.items():
            for kind, repo in dict.fromkeys(settings.tour(section, name).repositories):
                for key, _, holder in _places(entry.plain(), repo):
                    where = f"{section}.{name}.{key.removesuffix('.repo')}"
                    revision = str(holder.get("revision", "main"))
                    yield Repository((section, name), where, repo, revision, kind)


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
