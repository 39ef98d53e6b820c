"""What each job of separation reads of the configuration; light, for the workflow imports it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, get_args

from earmark.config.wheel import Wheel
from earmark.core.errors import UserError, nearest
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind
from earmark.systems.separation.asked import BASE, SOFT
from earmark.systems.separation.config import Mixtures, Router, Separation, SeparationConfig, Separator
from earmark.systems.separation.sets import tables

ROUTERS: tuple[Router, ...] = get_args(Router)
OF_SET = "set-"
"""What tables of a benchmark's queries are called by, beside those of tasks' labels."""
T = TypeVar("T")
_RESULT = re.compile(rf"results/separation/([a-z][a-z0-9_]*)_({'|'.join(ROUTERS)})\.json")
_SEPARATED = re.compile(r"separated/([a-z][a-z0-9-]*)/([^/]+)\.flac")


def own(settings: Settings) -> Separation:
    """Return the section of separation."""
    return settings.of(SeparationConfig).separation


def path(name: str, router: str) -> str:
    """Return the path of a result."""
    return f"results/separation/{name}_{router}.json"


def results(settings: Settings) -> list[str]:
    """Return the results that config asks for."""
    said = own(settings)
    return [path(name, router) for name in said.sets for router in said.routers]


def separator(settings: Settings, name: str) -> Separator:
    """Return a separator; raises UserError with the nearest name."""
    return settings.one(Separator, name)


def mixtures(settings: Settings, name: str) -> Mixtures:
    """Return a set of mixtures; raises UserError with the nearest name, or what is wrong with its file."""
    return settings.one(Mixtures, name)


def chosen(settings: Settings) -> str:
    """Return the separator's name; raises UserError if config names none."""
    name = own(settings).separator
    if name is None:
        settings.check_all_sound()  # the one it named may be of a file that cannot be used
        raise UserError("separation.separator: name one of config/separators/ to separate with")
    return name


def domains(settings: Settings) -> list[str]:
    """Return the names of the domains; none where no task is named that they are found in."""
    said = own(settings)
    if said.task is None:
        return []
    groups = said.partition.groups
    return list(groups) or [f"domain-{number}" for number in range(said.partition.domains)]


def models(settings: Settings, router: str) -> list[str]:
    """Return the models whose scores a router's result is made of, the base first."""
    return [BASE, *domains(settings), *([SOFT] if router == SOFT else [])]


def check(settings: Settings) -> None:
    """Check what config says of separation; raises UserError."""
    said = own(settings)
    if said.separator is None:
        if said.sets or said.recordings:
            chosen(settings)
        return
    found = separator(settings, said.separator)
    if found.train is not None:
        _check_task(settings, found.train.task, f"separator '{said.separator}': train.task")
    if said.task is not None:
        _check_task(settings, said.task, "separation.task")
        if said.partition.encoder == "clap" and found.text.kind != "clap":
            raise UserError(
                "separation.partition.encoder: clap needs a separator whose text is clap; use logmel or give "
                f"separator '{said.separator}' CLAP's files"
            )
    for group in said.partition.groups:
        if group in (BASE, SOFT):
            raise UserError(f"separation.partition.groups: a domain cannot be called '{group}'")
    for domain in said.adapter.files:
        _named(dict.fromkeys(domains(settings)), "domain in separation.adapter.files", domain)
    if 2 * said.overlap_s > said.chunk_s:
        raise UserError("separation.overlap_s: more than half of chunk_s; lower it")
    for name in said.sets:
        for router in said.routers:
            check_result(settings, name, router)


def check_result(settings: Settings, name: str, router: str) -> None:
    """Check the names of one result; raises UserError."""
    found, said = mixtures(settings, name), own(settings)
    chosen(settings)
    if found.layout == "drawn":
        _check_task(settings, found.task, f"mixtures '{name}': task")
    if router != BASE and said.task is None:
        raise UserError(f"router {router} needs domains: name the task they are found in as separation.task")
    if router == "score" and router not in said.routers:
        raise UserError("router score: list it in separation.routers, so that estimates are listened to")


def _check_task(settings: Settings, name: str, where: str) -> None:
    """Check that a task is known and packed at 32 kHz; raises UserError."""
    data = settings.task(name).data
    if data.sample_rate != 32_000:
        raise UserError(
            f"{where}: task '{name}' is packed at {data.sample_rate} Hz and separation hears 32000; set "
            "data.sample_rate of the task to 32000"
        )


def check_target(target: str, settings: Settings) -> None:
    """Check the names in a target of separation; raises UserError with the nearest ones."""
    if found := _SEPARATED.fullmatch(target):
        recording(settings, found[1])
        separator(settings, chosen(settings))
    if not target.startswith("results/separation/"):
        return
    if not target.endswith(".json") or target.count("/") != 2:
        return  # files of the page
    named = _RESULT.fullmatch(target)
    if named is None:
        raise UserError(
            f"{target}: results are called results/separation/<set>_<router>.json; "
            f"routers are {', '.join(ROUTERS)}"
        )
    check_result(settings, *named.groups())


def recording(settings: Settings, name: str) -> str:
    """Return a user's recording; raises UserError with the nearest name, or if it is not there."""
    place = _named(own(settings).recordings, "recording in separation.recordings", name)
    if not Path(place).expanduser().is_file():
        raise UserError(f"separation.recordings.{name}: there is no file {place}; name one that is there")
    return place


def behind(target: str, settings: Settings) -> Behind:
    """Return what a result needs of the configuration."""
    found = _RESULT.fullmatch(target)
    assert found is not None, f"{target} is a path of no result"
    said = own(settings).plain() | {"sets": [found[1]], "recordings": {}}
    things = {"mixtures": [found[1]], "separators": [chosen(settings)]}
    if own(settings).task is not None:
        things["tasks"] = [str(own(settings).task)]
    return Behind(things, {"separation": said})


def wheels(settings: Settings) -> Iterator[Wheel]:
    """Yield the wheels that text encoders lie in."""
    for found in settings.each(Separator).values():
        if found.text.wheel is not None:
            yield found.text.wheel


def text_wheel(settings: Settings, name: str) -> Wheel | None:
    """Return the wheels that a separator's text encoder lies in, if it does."""
    return separator(settings, name).text.wheel


def check_files(settings: Settings, name: str) -> None:
    """Check that the files of a rendered benchmark are there and fit each other; raises UserError."""
    found = mixtures(settings, name)
    if found.layout != "drawn":
        root, table = (Path(place).expanduser() for place in (found.root, found.table))
        tables.checked(found.layout, root, table, found.query)


def text_tables(settings: Settings, name: str) -> list[str]:
    """Return what tables of texts an evaluation of a set looks its queries up in, by their names."""
    found = mixtures(settings, name)
    queries = found.task if found.layout == "drawn" else f"{OF_SET}{name}"
    classes = own(settings).task
    return list(dict.fromkeys([queries, *([classes] if classes else [])]))


def used_tasks(settings: Settings) -> Iterator[str]:
    """Yield the tasks whose recordings are mixed."""
    said = own(settings)
    if said.separator is None:
        return
    trained = separator(settings, said.separator).train
    named = [said.task, trained.task if trained else None]
    named += [
        mixtures(settings, name).task for name in said.sets if mixtures(settings, name).layout == "drawn"
    ]
    yield from sorted({task for task in named if task is not None})


def _named(entries: dict[str, T], kind: str, name: str) -> T:
    if name not in entries:
        raise UserError(f"unknown {kind} '{name}'; {nearest(name, entries)}")
    return entries[name]


def page_files(settings: Settings) -> list[str]:
    """Return the sounds that the page plays: of the base and of every domain, set by set."""
    said = own(settings)
    names = [BASE, *domains(settings)]
    return [scores(settings, name, model, ".sounds.json") for name in said.sets for model in names]


def scores(settings: Settings, name: str, model: str, suffix: str = ".json") -> str:
    """Return the path of a model's scores on a set, or of a file beside them."""
    return f"separators/{chosen(settings)}/scores/{name}/{model}{suffix}"
