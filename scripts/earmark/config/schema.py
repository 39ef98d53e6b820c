"""JSON Schemas of config/schemas/: defaults filled in, mistakes worded in one line with a hint."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for

from earmark.core.errors import UserError, nearest
from earmark.core.files import Json
from earmark.core.places import CONFIG, SCRIPTS

SYSTEMS = SCRIPTS / "earmark" / "systems"
"""Systems may bring the schemas of their results with them."""


@cache
def schema(name: str) -> Json:
    """Return the schema of that name, from config/schemas/ or a system's folder, schemas of others put in."""
    path = CONFIG / "schemas" / f"{name}.schema.json"
    if not path.is_file():
        path = next(SYSTEMS.glob(f"*/{name}.schema.json"), path)
    content: Json = json.loads(path.read_text(), object_hook=_with_others)
    return content


def check_fits(content: Any, name: str) -> None:
    """Check that something fits the schema of that name.

    The schemas themselves are held against JSON Schema's own by the tests, not once more in every job.

    Raises:
        jsonschema.ValidationError: it doesn't.

    """
    error = best_match(_validator(name).iter_errors(content))
    if error is not None:
        raise error


@cache
def _validator(name: str) -> jsonschema.protocols.Validator:
    found = schema(name)
    return validator_for(found)(found)


def _with_others(part: Json) -> Json:
    """Put the schema of another file, or one of its ``$defs``, where a ``$ref`` names it, defaults too."""
    name = part.get("$ref")
    file, _, inside = name.partition("#/$defs/") if isinstance(name, str) else ("", "", "")
    if not file.endswith(".schema.json"):
        return part
    other = schema(file.removesuffix(".schema.json"))
    found = other["$defs"][inside] if inside else other
    return copy.deepcopy(found) | {key: value for key, value in part.items() if key != "$ref"}


def checked(content: Any, schema: Json, where: str) -> Any:
    """Return ``content`` with the schema's defaults filled in.

    Raises:
        UserError: the first thing that is wrong, as ``where: key: what``, unknown keys with a hint.

    """
    completed = _complete(copy.deepcopy(content), schema)
    if (place := _endless(completed)) is not None:
        raise UserError(f"{where}: {place}: must be a finite number")
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(completed), key=lambda e: list(map(str, e.path))
    )
    if errors:
        raise UserError(f"{where}: {_worded(errors[0])}")
    return completed


def _endless(content: Any, place: tuple[Any, ...] = ()) -> str | None:
    """Return the key of a number that is infinite or none at all, which JSON Schema lets pass; or None."""
    if isinstance(content, float) and not math.isfinite(content):
        return ".".join(map(str, place))
    if not isinstance(content, dict | list):
        return None
    items = content.items() if isinstance(content, dict) else enumerate(content)
    return next((found for key, inner in items if (found := _endless(inner, (*place, key)))), None)


def _worded(error: jsonschema.ValidationError) -> str:
    """Return one line for a schema violation."""
    place = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        unknown = next(key for key in error.instance if key not in known)
        return f"unknown key '{place + '.' if place else ''}{unknown}'; {nearest(str(unknown), known)}"
    if error.validator == "oneOf":
        return "give exactly one of hub, path, wheel, compose, train, random_weights"
    return f"{place + ': ' if place else ''}{error.message}"


def _complete(content: Any, schema: Json) -> Any:
    """Fill in defaults of object properties, depth first."""
    if not isinstance(content, dict):
        return (
            [_complete(item, schema.get("items", {})) for item in content]
            if isinstance(content, list)
            else content
        )
    for key, inner in schema.get("properties", {}).items():
        if key not in content and "default" in inner:
            content[key] = copy.deepcopy(inner["default"])
        if key in content:
            content[key] = _complete(content[key], inner)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for key in content:
            content[key] = _complete(content[key], extra)
    return content
