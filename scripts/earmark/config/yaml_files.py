"""YAML of strangers: no key twice, nothing that stands for itself or swells when aliases are followed."""

from __future__ import annotations

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
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except RecursionError:
        raise UserError(f"{path} is nested too deeply") from None


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
