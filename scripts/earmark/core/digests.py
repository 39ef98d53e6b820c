"""Digests of the code that a rule runs: how an edit of a script or a library module is noticed.

Snakemake doesn't watch scripts that are called from ``shell:``, nor what they import, so rules carry a digest
of them as a param. It is static (import statements are read, nothing is executed) and made of what runs: the
syntax tree of every module in the import closure, without docstrings, comments, layout and what only type
checkers read. A checkout, a ``touch`` or a reworded comment changes nothing.

The tree is written down by a walk of our own and not by :func:`ast.dump`, whose text differs between versions
of Python (3.13 leaves out empty lists, 3.12 added ``type_params``): here a field that is empty is never
written, so that what a later version adds to every node changes nothing as long as it isn't used.
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from earmark.core import syntax
from earmark.core.places import SCRIPTS

APART = frozenset(
    f"earmark/core/{name}.py" for name in ("cli", "errors", "places", "progress", "provenance", "versions")
)
"""Modules that talk to whoever waits for a job, or say where a result is from: no number depends on them."""
_UNWRITTEN = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _only_for_type_checkers(node: ast.AST) -> bool:
    """Whether a node is ``if TYPE_CHECKING:``, however the name was imported."""
    return isinstance(node, ast.If) and (
        (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
        or (isinstance(node.test, ast.Attribute) and node.test.attr == "TYPE_CHECKING")
    )


def _does_nothing(node: ast.AST) -> bool:
    """Whether a statement is a string by itself (as docstrings are) or ``pass``."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Pass)


def _running(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Yield those nodes of a list that do something when they run."""
    for node in nodes:
        if isinstance(node, ast.If) and _only_for_type_checkers(node):
            yield from _running(list(node.orelse))
        elif not _does_nothing(node):
            yield node


def _write(value: object, out: list[str]) -> None:
    """Append the canonical text of a syntax tree, a list in one, or a plain value."""
    if isinstance(value, ast.Constant):
        # The length says where a string ends; the type tells 1, 1.0 and True apart.
        text = value.value if isinstance(value.value, str) else repr(value.value)
        out.append(f"{type(value.value).__name__} {len(text)} {text}")
    elif isinstance(value, ast.AST):
        out.append(f"({type(value).__name__}")
        for name in value._fields:
            field = getattr(value, name, None)
            if name not in _UNWRITTEN and field is not None and field != []:
                out.append(name)
                _write(field, out)
        out.append(")")
    elif isinstance(value, list):
        out.append("[")
        for each in _running(value):
            _write(each, out)
        out.append("]")
    else:
        out.append(repr(value))


def canonical(source: str) -> str:
    """Return what a module does as text that is equal for sources which run alike in every word."""
    return _text(ast.parse(source))


def _text(tree: ast.Module) -> str:
    """Return the canonical text of a module."""
    out: list[str] = []
    _write(tree.body, out)
    return "\n".join(out)


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement of a module that can run, nested ones too."""
    todo: list[ast.AST] = [*_running(list(module.body))]
    while todo:
        node = todo.pop()
        yield node
        for field in _BLOCKS:
            inner = getattr(node, field, None)
            if isinstance(inner, list):  # of a lambda or a conditional expression it's none
                todo += _running(inner)


class Module(NamedTuple):
    """What is known of a module of the repository from its text alone."""

    digest: str
    """Of what it does."""

    names: tuple[str, ...]
    """Dotted: all that its import statements may stand for, whether there is a file of it or not."""


KNOWN: dict[str, Module] = {}
"""What is known by the SHA-256 of a module's text. Parsing is most of a digest's cost, so
:mod:`earmark.workflow.given` keeps this from one start of the workflow to the next."""


@cache
def _module(path: Path) -> Module:
    """Return what is known of a module, parsed if need be; raises UserError where it is not Python."""
    content = path.read_bytes()
    key = hashlib.sha256(content).hexdigest()
    if key not in KNOWN:
        tree = syntax.tree(path, content)
        does = _text(tree).encode("utf-8", "surrogatepass")
        KNOWN[key] = Module(hashlib.sha256(does).hexdigest(), tuple(sorted(_names(tree))))
    return KNOWN[key]


def _names(module: ast.Module) -> Iterator[str]:
    """Yield the dotted names of all that a module may import: a name from a module may be a module itself."""
    for node in _statements(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Return the repository files that the module at ``path`` imports directly; data files none."""
    if path.suffix != ".py":
        return ()
    ours = _ours()
    found = {file for name in _module(path).names for file in ours.get(name, ())}
    # The package's version is provenance, not behaviour: a release makes nothing stale.
    return tuple(sorted(found - {SCRIPTS / "earmark" / "__init__.py"}))


@cache
def _ours() -> dict[str, list[Path]]:
    """Return the files of every module of the repository by its dotted name: its own, its package's."""
    found: dict[str, list[Path]] = {}
    for folder, _, files in os.walk(SCRIPTS):
        package = Path(folder).relative_to(SCRIPTS).parts
        for file in files:
            if file.endswith(".py"):
                own = () if file == "__init__.py" else (file[:-3],)
                found.setdefault(".".join((*package, *own)), []).append(Path(folder, file))
    return found


@cache
def everything_imported(*entries: str) -> tuple[Path, ...]:
    """Return every repository file that ``entries`` (paths below scripts/) import, transitively."""
    todo = [SCRIPTS / entry for entry in entries]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports(path)
    return tuple(sorted(seen))


@cache
def import_closure(*entries: str) -> tuple[Path, ...]:
    """Return the files of :func:`everything_imported` that a result can depend on: all but :data:`APART`."""
    apart = {SCRIPTS / name for name in APART}
    return tuple(path for path in everything_imported(*entries) if path not in apart)


@cache
def file_digest(path: Path) -> str:
    """Return the digest of what a module does; of another file (a page's template), of its bytes."""
    return _module(path).digest if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def code_digest(*entries: str) -> str:
    """Return a digest of ``entries`` and all they import: path and what each file does.

    What a script reaches by name (a reduction method, a parser, a model family) is not among its
    imports and must be an entry of its own.
    """
    digest = hashlib.sha256()
    for path in import_closure(*entries):
        digest.update(f"{path.relative_to(SCRIPTS).as_posix()}\0{file_digest(path)}\0".encode())
    return digest.hexdigest()[:16]
