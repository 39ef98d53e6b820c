"""YAML of strangers: no key twice, nothing that stands for itself or swells when aliases are followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from earmark.core.errors import UserError

MAX_BYTES = 10_000_000
MAX_NODES = 200_000
"""Values of a file, each alias counted as all that it stands for; the largest file here has hundreds."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same parser ten times as fast, in C, where PyYAML was built with it."""


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says.

    Raises:
        UserError: it can't be read, a key stands twice, or it is a bomb.

    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} has more than {MAX_BYTES // 10**6} MB: no configuration")
        loader = LOADER(path.read_bytes())
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _size(node, path, {}, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or error
        raise UserError(f"{path}{line}: this is not YAML: {' '.join(str(what).split())}; mend it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except RecursionError:
        raise UserError(f"{path} is nested too deeply") from None


def near(path: Path) -> Path:
    """Return a path as it is shortest to read: from the current folder on where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def line_of(path: Path, keys: Sequence[str]) -> int | None:
    """Return the line of a file on which the last of some nested keys stands; None where none of them is."""
    node, line = yaml.compose(path.read_bytes(), Loader=LOADER), None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next(((name, value) for name, value in pairs if name.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _size(node: yaml.Node, path: Path, known: dict[int, int], within: set[int]) -> int:
    """Return how many values a node stands for, its aliases followed."""
    if id(node) in within:
        raise UserError(f"{_place(path, node)}: an alias that stands for what it is part of; write it out")
    if id(node) in known:
        return known[id(node)]
    within.add(id(node))
    size = 1
    for inner in _inside(node, path):
        size += _size(inner, path, known, within)
        if size > MAX_NODES:
            raise UserError(f"{path} stands for more than {MAX_NODES} values once its aliases are followed")
    within.discard(id(node))
    known[id(node)] = size
    return size


def _inside(node: yaml.Node, path: Path) -> list[yaml.Node]:
    """Return the nodes of a sequence or a mapping; raises UserError for a key that stands twice."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        return []
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise UserError(f"{_place(path, key)}: '{key.value}' stands twice; remove one")
            seen.add((key.tag, key.value))
    return [inner for pair in node.value for inner in pair]


def _place(path: Path, node: yaml.Node) -> str:
    """Return file and line of a node."""
    return f"{path}, line {node.start_mark.line + 1}"
