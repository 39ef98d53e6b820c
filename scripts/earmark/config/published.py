"""What is generated from the models of the configuration: its JSON Schemas and the tables of its keys."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from earmark.config import source, whole
from earmark.config.section import Section
from earmark.core.files import Json
from earmark.core.places import CONFIG, ROOT
from earmark.systems.registry import systems

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PAGE = "docs/config_keys.md"
HEAD = """# Keys of the configuration

Written by `make schemas` from the models in `scripts/earmark/config/` and `scripts/earmark/systems/*/`:
edit those. The same as JSON Schemas, for editors: [config/schemas](../config/schemas).
"""


def models() -> dict[str, type[Section]]:
    """Return everything a user may write by the name of its schema: the config, its entries, their kinds."""
    found: dict[str, type[Section]] = {"config": whole.config_model()}
    found |= {each.name: each.model for each in whole.entries()}
    found |= {f"sources/{kind}": source.kind_of(kind) for kind in source.kinds()}
    for system in systems():
        found |= system.kinds()
    return found


def files() -> dict[str, str]:
    """Return the text of every generated file by its path from the root of the repository."""
    schemas = {name: schema_of(model) for name, model in models().items()}
    folder = (CONFIG / "schemas").relative_to(ROOT).as_posix()
    found = {f"{folder}/{name}.schema.json": _json(schema) for name, schema in schemas.items()}
    return found | {PAGE: page(schemas)}


def schema_of(model: type[Section]) -> Json:
    """Return a model's JSON Schema, every key with the docstring under its field."""
    schema = model.model_json_schema(schema_generator=_Described)
    title = schema.pop("description", model.__name__)
    return {"$schema": DIALECT, "title": title.partition("\n")[0].rstrip("."), **schema}


class _Described(GenerateJsonSchema):
    """Takes descriptions from the docstrings under fields, and leaves out titles that repeat keys."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model's keys."""
        found = super().model_schema(schema)
        model: type[Section] = schema["cls"]
        found.pop("title", None)
        for name, says in described(model).items():
            key = model.model_fields[name].alias or name
            place = found["properties"][key]
            found["properties"][key] = {"description": says, **place}
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Set none."""
        return False


@cache
def described(model: type[Section]) -> dict[str, str]:
    """Return the docstring under each field of a model, those of its bases included."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, Section) and each is not Section and each.__module__ != whole.__name__:
            found |= _own(each)
    return {name: says for name, says in found.items() if name in model.model_fields}


def _own(model: type[Section]) -> dict[str, str]:
    (body,) = (
        node.body
        for node in ast.parse(textwrap.dedent(inspect.getsource(model))).body
        if isinstance(node, ast.ClassDef)
    )
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def page(schemas: Mapping[str, Json]) -> str:
    """Return docs/config_keys.md."""
    places = {"config": "config/config.yaml"}
    places |= {each.name: f"config/{each.section}/*.yaml" for each in whole.entries()}
    parts = [HEAD]
    for name, schema in schemas.items():
        folder, _, kind = name.rpartition("/")
        heading = f"{folder.removesuffix('s').capitalize()} `{kind}`" if folder else f"`{places[name]}`"
        parts += [f"\n## {heading}\n\n{schema['title']}.\n", *_table(schema)]
    return "".join(parts)


def _table(schema: Json) -> Iterator[str]:
    yield "\n| key | value | default | meaning |\n|---|---|---|---|\n"
    for key, entry, required in _keys(schema, schema, ""):
        default = "required" if required else _default(entry)
        says = entry.get("description", "").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
        yield f"| `{key}` | {_value(entry, schema)} | {default} | {says} |\n"


def _default(entry: Json) -> str:
    """Return the default as YAML spells it; what has keys of its own says theirs in their rows."""
    own = isinstance(entry.get("default"), dict) and entry["default"] and "$ref" in entry
    return f"`{_short(entry['default'])}`" if "default" in entry and not own else ""


def _keys(part: Json, whole: Json, at: str) -> Iterator[tuple[str, Any, bool]]:
    """Yield (key, schema, whether it is required) of an object and of the objects in it, in their order."""
    for key, entry in part.get("properties", {}).items():
        yield f"{at}{key}", entry, key in part.get("required", ())
        for suffix, inner in _inner(entry, whole):
            yield from _keys(inner, whole, f"{at}{key}{suffix}.")


def _inner(entry: Json, whole: Json) -> Iterator[tuple[str, Json]]:
    """Yield the objects that a value may be or hold, with what leads to them."""
    if "$ref" in entry:
        yield "", _referred(entry, whole)
    for each in [*entry.get("anyOf", ()), *entry.get("oneOf", ())]:
        yield from _inner(each, whole)
    if isinstance(entry.get("items"), dict):
        yield from ((f"[]{suffix}", inner) for suffix, inner in _inner(entry["items"], whole))
    if isinstance(entry.get("additionalProperties"), dict):
        for suffix, inner in _inner(entry["additionalProperties"], whole):
            yield f".<name>{suffix}", inner


def _referred(entry: Json, whole: Json) -> Json:
    found: Json = whole["$defs"][entry["$ref"].rpartition("/")[2]]
    return found


def _value(entry: Json, whole: Json) -> str:
    """Return what a value may be, in a few words."""
    if "$ref" in entry:
        return _value(_referred(entry, whole), whole)
    if "const" in entry:
        return f"`{_short(entry['const'])}`"
    if "enum" in entry:
        return ", ".join(f"`{_short(each)}`" for each in entry["enum"])
    choices = [*entry.get("anyOf", ()), *entry.get("oneOf", ())]
    if choices:
        return " or ".join(dict.fromkeys(_value(each, whole) for each in choices))
    kind = {"array": "list", "object": "mapping", "string": "text"}.get(entry.get("type", ""), "")
    return " ".join([kind or entry.get("type", "anything"), *_limits(entry)])


def _limits(entry: Json) -> Iterator[str]:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    yield from (f"{sign} {_short(entry[key])}" for key, sign in signs.items() if key in entry)


def _short(value: Any) -> str:
    text = json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
    return text.replace("|", "\\|")


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
