"""The options of a method: what doesn't fit is said before anything is computed.

An option is a field of the method's class: a number, a text, a yes or no, one of several literals, any of
these or none, a list of them, or another method, by name (``dart``) or with options of its own
(``{reducer: dart, options: {audio_pivots: 8}}``). Which values make sense is the method's own word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from earmark.config.methods import KINDS, Class, Method, Option, methods, resolved
from earmark.core.errors import UserError, nearest

PLAIN = {"int": int, "float": float, "str": str, "bool": bool}
CONTRACTS = {
    ("earmark.reduction.contract", "Reducer"): ("tokens",),
    ("earmark.compression.contract", "Compressor"): ("cache",),
    ("earmark.reduction.contract", "Method"): tuple(KINDS),
}


def check_options(where: str, method: Method, options: Mapping[str, Any]) -> None:
    """Check names and types of options against the fields of a method.

    Raises:
        UserError: there is no such option, or its value is of another type.

    """
    known = method.options
    for name, value in options.items():
        if name not in known:
            there = nearest(name, known) if known else "the method has no options"
            raise UserError(f"{where}.{name}: no such option; {there}")
        _check(f"{where}.{name}", known[name], value)


def named(where: str, name: str) -> Method:
    """Return a method by name; raises UserError with the nearest."""
    if name not in methods():
        raise UserError(f"{where}: unknown reducer '{name}'; {nearest(name, methods())}")
    return methods()[name]


def held(value: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the options of a method that is written as an option's value; None of any other."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and "reducer" in value and value.keys() <= {"reducer", "options"}:
        return str(value["reducer"]), value.get("options", {})
    return None


def held_by(method: Method, options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the options that are methods: by option the method's name and options."""
    return {
        name: inner
        for name, value in options.items()
        if (option := method.options.get(name)) and _kinds(option) and (inner := held(value))
    }


def files(name: str, options: Mapping[str, Any]) -> list[str]:
    """Return the files below scripts/ of a method and of those that its options name."""
    method = named("reducer", name)
    inner = [path for each in held_by(method, options).values() for path in files(*each)]
    return sorted({method.file, *inner})


def _check(where: str, option: Option, value: Any) -> None:
    """Check one value."""
    kinds, inner = _kinds(option), held(value)
    if kinds and inner:
        method = named(where, inner[0])
        if method.kind not in kinds:
            others = [each.name for each in methods().values() if each.kind in kinds]
            raise UserError(f"{where}: '{method.name}' is of another kind; known: {', '.join(others)}")
        check_options(f"{where}.options", method, inner[1])
    elif not _fits(option.module, option.annotation, value):
        words = " or ".join(dict.fromkeys(_words(option.module, option.annotation)))
        raise UserError(f"{where}: {value!r} must be {words}")


def _kinds(option: Option) -> tuple[str, ...]:
    """Return the kinds of methods that an option may be; none if it isn't one."""
    found = [resolved(option.module, each) for each in _choices(option.annotation)]
    return tuple(
        kind
        for each in found
        if isinstance(each, Class)
        for kind in CONTRACTS.get((each.module, each.name), ())
    )


def _choices(annotation: ast.expr) -> Iterator[ast.expr]:
    """Yield what a union is of, or the type itself."""
    if isinstance(annotation, ast.BinOp):
        yield from _choices(annotation.left)
        yield from _choices(annotation.right)
    elif isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "Optional":
        yield from (annotation.slice, ast.Constant(None))
    else:
        yield annotation


def _fits(module: str, annotation: ast.expr, value: Any) -> bool:
    """Whether a value is of a type."""
    choices = list(_choices(annotation))
    if len(choices) > 1:
        return any(_fits(module, each, value) for each in choices)
    if isinstance(annotation, ast.Constant):
        return annotation.value is None and value is None
    if isinstance(annotation, ast.Name) and annotation.id in PLAIN:
        wanted = PLAIN[annotation.id]
        return type(value) is wanted or (wanted is float and type(value) is int)
    if isinstance(annotation, ast.Subscript):
        literals, items = _literals(annotation), _items(annotation)
        if literals is not None:
            return any(value == each and type(value) is type(each) for each in literals)
        return (
            items is not None
            and isinstance(value, list)
            and all(_fits(module, items, each) for each in value)
        )
    alias = resolved(module, annotation)
    return isinstance(alias, ast.expr) and _fits(module, alias, value)


def _words(module: str, annotation: ast.expr) -> Iterator[str]:
    """Yield what a value may be, for a message."""
    for each in _choices(annotation):
        literals = _literals(each)
        alias = resolved(module, each)
        if literals is not None:
            yield from map(repr, literals)
        elif isinstance(alias, ast.expr):
            yield from _words(module, alias)
        elif isinstance(alias, Class):
            yield "the name of a method"
        elif isinstance(each, ast.Constant):
            yield "null"
        else:
            yield f"of type {ast.unparse(each)}"


def _literals(annotation: ast.expr) -> list[Any] | None:
    """Return the values of ``Literal[...]``; None of any other type."""
    if not (isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "Literal"):
        return None
    inside = annotation.slice
    return [ast.literal_eval(each) for each in (inside.elts if isinstance(inside, ast.Tuple) else [inside])]


def _items(annotation: ast.Subscript) -> ast.expr | None:
    """Return the type of the items of ``tuple[X, ...]``; None of any other type."""
    inside = annotation.slice
    if getattr(annotation.value, "id", "") != "tuple" or not isinstance(inside, ast.Tuple):
        return None
    item, *rest = inside.elts
    return item if [getattr(each, "value", None) for each in rest] == [Ellipsis] else None
