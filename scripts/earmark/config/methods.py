"""The methods there are and their options, read from their classes without importing them.

A method is a class that descends from ``Reducer`` (a file of ``reduction/``) or ``Compressor``
(``compression/``, its name behind ``kv-``), directly or through another method. Nothing is imported here:
methods import torch, and the workflow is parsed more often than run. Bases, fields and their types are
resolved as Python would, over the import statements of the files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from earmark.core import syntax
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS

Kind = Literal["tokens", "cache"]
KINDS: dict[Kind, tuple[str, str, str]] = {
    "tokens": ("reduction", "", "Reducer"),
    "cache": ("compression", "kv-", "Compressor"),
}
"""By kind: the package of its methods, the prefix of their names and the class they descend from."""


@dataclass(frozen=True)
class Class:
    """A class of the library, as its source says."""

    module: str
    """Dotted."""

    node: ast.ClassDef

    @property
    def name(self) -> str:
        """The class's name."""
        return self.node.name

    def bases(self) -> Iterator[Class]:
        """Yield the classes it derives from that the library defines, in their order."""
        for base in self.node.bases:
            found = resolved(self.module, base)
            if isinstance(found, Class):
                yield found

    @cached_property
    def line(self) -> list[Class]:
        """It and all it descends from, nearest first."""
        found = [self]
        for base in self.bases():
            found += [each for each in base.line if each not in found]
        return found


@dataclass(frozen=True)
class Option:
    """A field of a method: the module that its type is written in, and the type."""

    module: str
    annotation: ast.expr


@dataclass(frozen=True)
class Method:
    """A method, as config names it."""

    name: str
    kind: Kind
    """tokens: it drops audio tokens; cache: it compresses caches."""

    cls: Class

    @property
    def file(self) -> str:
        """Its file below scripts/."""
        return f"{self.cls.module.replace('.', '/')}.py"

    @property
    def acts_at(self) -> int | None:
        """The decoder layer that its paper acts before; None if that is for the model to say."""
        found = next((value for each in self.cls.line if (value := _constant(each, "acts_at"))), None)
        return None if found is None else found.value  # type: ignore[return-value]

    @cached_property
    def options(self) -> dict[str, Option]:
        """Its options, those of the methods it derives from first."""
        return {
            node.target.id: Option(each.module, node.annotation)
            for each in reversed(self.cls.line)
            for node in each.node.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and not _is_class_variable(node.annotation)
        }


@cache
def methods() -> dict[str, Method]:
    """Return every method by its name.

    Raises:
        UserError: a file defines two methods, or two files call theirs alike.

    """
    found: dict[str, Method] = {}
    for kind, (package, prefix, base) in KINDS.items():
        for path in sorted((SCRIPTS / "earmark" / package).glob("*.py")):
            module = f"earmark.{package}.{path.stem}"
            own = [each for each in _classes(module).values() if _is_method(each, package, base)]
            used = {base for each in own for base in each.line[1:]}
            own = [each for each in own if each not in used]
            if len(own) > 1:
                names = " and ".join(each.name for each in own)
                raise UserError(f"{path}: defines {names}; one file defines one method")
            for cls in own:
                method = Method(prefix + _called(cls, path.stem), kind, cls)
                if method.name in found:
                    raise UserError(
                        f"{path}: there is a method '{method.name}' in {found[method.name].file} too"
                    )
                found[method.name] = method
    return found


def resolved(module: str, name: ast.expr) -> Class | ast.expr | None:
    """Return the class, or the expression of an alias, that a name in a module of the library stands for."""
    if isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name):
        of = _imported(module).get(name.value.id)
        return resolved(".".join(of), ast.Name(name.attr)) if of else None
    if not isinstance(name, ast.Name):
        return None
    if name.id in _classes(module):
        return _classes(module)[name.id]
    if name.id in _aliases(module):
        return _aliases(module)[name.id]
    origin, called = _imported(module).get(name.id, ("", ""))
    return resolved(origin, ast.Name(called)) if _path(origin) else None


def _is_method(cls: Class, package: str, base: str) -> bool:
    """Whether a class is public, descends from the base of its package's methods and leaves nothing open."""
    above = [(each.module, each.name) for each in cls.line[1:]]
    public = not cls.name.startswith("_")
    return public and (f"earmark.{package}.contract", base) in above and not _is_abstract(cls)


def _is_abstract(cls: Class) -> bool:
    """Whether a class leaves a method of those it descends from to others, by ``@abstractmethod``."""
    functions: dict[str, ast.FunctionDef] = {}
    for each in cls.line:
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, node)
    decorators = [mark for function in functions.values() for mark in function.decorator_list]
    return any(getattr(mark, "id", getattr(mark, "attr", "")) == "abstractmethod" for mark in decorators)


def _called(cls: Class, stem: str) -> str:
    """Return what a method calls itself, by default as its file is called."""
    found = _constant(cls, "called")
    return stem if found is None else str(found.value)


def _constant(cls: Class, name: str) -> ast.Constant | None:
    """Return the constant that a class of its own sets a class variable to; None if it sets none."""
    for node in cls.node.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert isinstance(node.value, ast.Constant), f"{cls.module}: {name} is a plain value"
            return node.value
    return None


def _is_class_variable(annotation: ast.expr) -> bool:
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return "ClassVar" in (getattr(outer, "id", ""), getattr(outer, "attr", ""))


def _path(module: str) -> Path | None:
    """Return the file of a module of the library; None of any other."""
    path = SCRIPTS.joinpath(*module.split(".")).with_suffix(".py")
    return path if module.startswith("earmark.") and path.is_file() else None


@cache
def _body(module: str) -> list[ast.stmt]:
    path = _path(module)
    return syntax.tree(path).body if path else []


@cache
def _classes(module: str) -> dict[str, Class]:
    return {node.name: Class(module, node) for node in _body(module) if isinstance(node, ast.ClassDef)}


@cache
def _aliases(module: str) -> dict[str, ast.expr]:
    """Return what plain names are set to at the top of a module: ``Side = Literal["left", "right"]``."""
    return {
        target.id: node.value
        for node in _body(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@cache
def _imported(module: str) -> dict[str, tuple[str, str]]:
    """Return where each name that a module imports from another one comes from."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in _body(module)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    }
