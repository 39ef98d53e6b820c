"""What is known of a model before any weights are read: from its entry in config, or as a job is given it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.config.load import Load
from earmark.config.origin import Origin, Wanted
from earmark.config.projector import Projector
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.costs import Costs
from earmark.models.families import family
from earmark.models.sizes import NOTHING, Sizes

if TYPE_CHECKING:
    from earmark.config.compose import Learning
    from earmark.config.model import Model

CONFIG_FILE = "config.json"
AUDIO = tuple(field.name for field in fields(Sizes) if field.name.startswith("audio_"))
"""Sizes of the part that hears."""


@dataclass(frozen=True)
class Outline:
    """A model, as far as it can be told without its weights."""

    kind: str
    dtype: str = "float32"
    max_audio_s: float = 300
    load: Load = Load()
    projector: Projector = Projector()
    folder: Path | None = None
    """That its weights lie in."""

    hub: str | None = None
    stated: Sizes | None = None
    """Of a checkpoint whose config.json isn't there yet."""

    made: Sizes | None = None
    """Of a model that is trained here or has random weights."""

    training: Learning | None = None
    """Of a model that is composed here."""

    parts: tuple[Outline, Outline] | None = None
    """Encoder and language model of a composed model, once they are known."""

    @classmethod
    def of(cls, model: Model) -> Outline:
        """Return what an entry of config says."""
        return cls(
            kind=model.kind,
            dtype=model.dtype,
            max_audio_s=model.max_audio_s,
            load=model.load,
            projector=model.projector,
            folder=folder_of(model),
            hub=model.hub,
            stated=replace(NOTHING, **model.sizes) if model.sizes else None,
            made=_made(model),
            training=model.compose,
        )


def _made(model: Model) -> Sizes | None:
    """Return the sizes of a model that is made here."""
    if model.random_weights is not None:
        sizes: Json = model.random_weights.plain()["sizes"]
    elif model.train:
        sizes = model.train.get("sizes", {})
    else:
        return None
    known = {each.name for each in fields(Sizes)}
    return Sizes(**{key: value for key, value in sizes.items() if key in known})


def folder_of(model: Model) -> Path | None:
    """Return the local checkpoint folder that an entry of config names, if it does."""
    return Path(model.path).expanduser() if model.path else None


def wanted(model: Model) -> Wanted:
    """Return where a model's weights are from, and which parts of them nothing reads."""
    return Wanted(**model.parts(Origin), unread=list(family(model.kind).parts.unread))


def resolved(model: Outline, record: Path) -> Outline:
    """Return a model with the folder that its weights lie in, once the record of its checkpoint is there."""
    try:
        folder = json.loads(record.read_text())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return model  # not made yet; whoever reads the record says if it is damaged
    return replace(model, folder=(record.parent / folder).resolve())


def loaded(model: Outline, folder: Path, record: Json) -> Outline:
    """Return a model with the folder of its checkpoint and, as its record has them, those of its parts."""
    parts = None
    if named := record.get("parts"):
        heard, said = (
            Outline(part["kind"], model.dtype, folder=(folder / part["folder"]).resolve())
            for part in (named["encoder"], named["decoder"])
        )
        parts = heard, said
    return replace(model, folder=folder, parts=parts)


def sizes_of(model: Outline) -> Sizes | None:
    """Return a model's widths and depths as far as they are told; None if they aren't.

    Told by the entry of a model made here, by the family for a published one, by config.json for a folder or
    else by ``sizes`` of the entry; of a composed model by its parts, where they are known.

    Raises:
        UserError: the folder's config.json is damaged.

    """
    if model.parts is not None:
        heard, said = map(sizes_of, model.parts)
        return None if heard is None or said is None else _joined(heard, said)
    if model.training is not None:
        return None  # they are those of the parts it is made of
    if model.made is not None:
        return model.made
    kind, folder = family(model.kind), model.folder
    if folder is None:
        return model.stated or kind.published.get(model.hub or "")
    try:
        return kind.sizes(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))) or model.stated
    except FileNotFoundError:
        return model.stated
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{folder / CONFIG_FILE} cannot be read ({error}); fetch it again") from None


def _joined(heard: Sizes, said: Sizes) -> Sizes:
    """Return the sizes of a model of two parts."""
    return replace(said, **{name: getattr(heard, name) for name in AUDIO})


def costs(model: Outline) -> Costs:
    """Return what decides what a model costs to run; see :mod:`earmark.data.audit.cost`."""
    audio = family(model.kind).hears(model.projector)
    return Costs(model.kind, model.dtype, model.max_audio_s, audio, sizes_of(model))
