"""Names as Vega can draw them: others' labels may be words that its JavaScript trips over."""

from __future__ import annotations

import re
from typing import Any

_LINES = re.compile("[\u2028\u2029\\x00-\\x08\\x0b-\\x1f]")
_OWN = frozenset(
    (
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString"),
        *("toString", "valueOf", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__"),
        "__lookupSetter__",
    )
)
"""What every object of JavaScript has by that name, found where a value of the data is looked up."""


def drawable(content: Any) -> Any:
    """Return a specification whose texts break no expression and are no object's own.

    Line separators of Unicode become spaces; a name every object has is followed by a space of no width.
    """
    if isinstance(content, dict):
        return {key: drawable(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [drawable(value) for value in content]
    if not isinstance(content, str):
        return content
    text = _LINES.sub(" ", content)
    return f"{text}\u200b" if text in _OWN else text
