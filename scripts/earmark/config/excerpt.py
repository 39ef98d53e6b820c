"""The smallest configuration that makes one result: what it names, what that names, and nothing of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from earmark.config.settings import Settings
from earmark.config.wording import DEFAULT_PROFILE
from earmark.core.files import Json
from earmark.systems.contract import MadeModel
from earmark.systems.registry import result_type, systems

SHARED = ("seed", "device", "features", "evaluate")
"""Keys of config that no system owns and that results may depend on."""


def excerpt(settings: Settings, target: str) -> Json:
    """Return the config file that makes the result at ``target``, in any folder, by itself.

    Raises:
        UserError: the path is no result's, or names what config doesn't know.

    """
    system, _ = result_type(target)
    behind, config = system.behind(target, settings), settings.config.chosen(*SHARED)
    things = closure(settings, behind.things)
    models = [*behind.things.get("models", ()), settings.config.default_model]
    profile = settings.config.profile
    known = any(profile in settings.tasks[name].profiles for name in things.get("tasks", ()))
    return {
        "self_contained": True,
        **config,
        "default_model": models[0],
        "profile": profile if known else DEFAULT_PROFILE,
        **behind.config,
        **things,
    }


def closure(settings: Settings, named: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """Return the things that are named, and all that they name, by section and name."""
    found: dict[str, Json] = {}
    left = [(section, name) for section, names in named.items() for name in names]
    while left:
        section, name = left.pop()
        made = _made(settings, name) if section == "models" else None
        if made is not None:
            left += made.named
            continue
        if name not in found.setdefault(section, {}):
            found[section][name] = settings.plain[section][name]
            left += settings.links[section, name]
    return {section: dict(sorted(entries.items())) for section, entries in sorted(found.items())}


def _made(settings: Settings, name: str) -> MadeModel | None:
    """Return a model that config does not name and a system makes."""
    if name in settings.models:
        return None
    return next((made for each in systems() if (made := each.models(settings).get(name)) is not None), None)
