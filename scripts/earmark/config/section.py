"""What every section of the configuration is: a pydantic model whose mistakes are worded in one line.

A section's fields give its defaults, its limits, the JSON Schema of config/schemas/ and its table in
docs/config_keys.md; the docstring under a field is its description. Models are read whenever the workflow is
parsed, and most rules digest what they import, so a model imports nothing that computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from earmark.config.values import SPELLED
from earmark.core.errors import UserError, nearest
from earmark.core.files import Json

S = TypeVar("S", bound="Section")

_KINDS = {
    "int_type": "integer",
    "float_type": "number",
    "string_type": "string",
    "bool_type": "boolean",
    "list_type": "array",
    "tuple_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}
_WORDS = {
    "greater_than_equal": "{input!r} is less than the minimum of {ge}",
    "greater_than": "{input!r} is less than or equal to the minimum of {gt}",
    "less_than_equal": "{input!r} is greater than the maximum of {le}",
    "less_than": "{input!r} is greater than or equal to the maximum of {lt}",
    "finite_number": "must be a finite number",
    "string_pattern_mismatch": "{input!r} does not match '{pattern}'",
    "too_short": "needs at least {min_length} entries, not {actual_length}",
    "too_long": "takes at most {max_length} entries, not {actual_length}",
    "string_too_short": "must not be empty",
}


class Section(BaseModel):
    """A part of the configuration: values of the right type, unknown keys refused, nothing changed later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, content: Any) -> Any:
        """Refuse an unknown key with the nearest known one."""
        if isinstance(content, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key in content:
                if key not in known:
                    raise PydanticCustomError("unknown_key", "{key}; {hint}", _hint(str(key), known))
        return content

    @classmethod
    def read(cls: type[S], content: Any, where: str) -> S:
        """Return a section from what YAML or JSON says.

        Raises:
            UserError: the first thing that is wrong, as ``where: key: what``.

        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(f"{where}: {_worded(error.errors(), content)}") from None
        except UserError as error:  # of a part that is read by its kind
            raise UserError(f"{where}: {error}") from None

    def plain(self) -> Json:
        """Return the section as JSON holds it; what was left out and has no default is left out."""
        return self.model_dump(mode="json")

    def parts(self, *kinds: type[Section]) -> dict[str, Any]:
        """Return the values of the fields that it shares with some ``kinds``, to make another section of."""
        return {name: getattr(self, name) for kind in kinds for name in kind.model_fields}

    def chosen(self, *keys: str) -> Json:
        """Return some keys of the section as JSON holds them."""
        names = {field.alias or name: name for name, field in type(self).model_fields.items()}
        content = self.model_dump(mode="json", include={names[key] for key in keys})
        return {key: content[key] for key in keys}

    def without(self, *keys: str) -> Json:
        """Return all but some keys of the section as JSON holds them."""
        return {key: value for key, value in self.plain().items() if key not in keys}


class Partial(Section):
    """A section that is laid over another one: :meth:`plain` holds what was said of it, null included."""

    @model_serializer(mode="wrap")
    def _said(self, dump: SerializerFunctionWrapHandler) -> Json:
        content: Json = dump(self)
        return {key: value for key, value in content.items() if key in self.model_fields_set}


def left_out(**constraints: Any) -> Any:
    """Return a field that may be left out, and then is None here and no key in :meth:`Section.plain`."""
    return Field(default=None, exclude_if=_is_none, json_schema_extra=_without_default, **constraints)


def _is_none(value: Any) -> bool:
    return value is None


def _without_default(schema: Json) -> None:
    schema.pop("default", None)


def _hint(key: str, known: Sequence[str]) -> dict[str, str]:
    return {"key": key, "hint": nearest(key, known) if known else "there are no keys"}


def _worded(errors: Sequence[ErrorDetails], content: Any) -> str:
    """Return the first mistake in one line; a key that is unknown explains others that are missing."""
    first = min(errors, key=lambda error: error["type"] != "unknown_key")
    place = _place(first["loc"], content)
    at, context = ".".join(place), {**first.get("ctx", {}), "input": first["input"]}
    if first["type"] == "unknown_key":
        return f"unknown key '{'.'.join([*place, context['key']])}'; {context['hint']}"
    if first["type"] == "missing":
        *parent, key = place
        return f"{'.'.join(parent)}{': ' if parent else ''}'{key}' is a required property"
    same = [error for error in errors if _place(error["loc"], content) == place]
    kinds = dict.fromkeys(_KINDS[error["type"]] for error in same if error["type"] in _KINDS)
    if first["type"] in _KINDS:
        what = f"{first['input']!r} is not of type {' or '.join(map(repr, kinds))}"
    elif first["type"] == "literal_error":
        what = f"{first['input']!r} is not one of {context['expected']}"
    elif first["type"] == "string_pattern_mismatch" and context["pattern"] in SPELLED:
        what = f"{first['input']!r} {SPELLED[context['pattern']]}"
    elif first["type"] == "value_error":
        what = str(context["error"])
    else:
        what = _WORDS.get(first["type"], first["msg"]).format(**context)
    return f"{at}: {what}" if at else what


def _place(loc: Sequence[int | str], content: Any) -> list[str]:
    """Return the keys and indexes that lead to a mistake, without pydantic's names of alternatives."""
    place: list[str] = []
    for number, step in enumerate(loc):
        within = isinstance(content, Mapping) and step in content
        if within or (isinstance(step, int) and isinstance(content, list)):
            content = content[step]
            place.append(str(step))
        elif number == len(loc) - 1 and isinstance(content, Mapping) and step != "[key]":
            place.append(str(step))
    return place
