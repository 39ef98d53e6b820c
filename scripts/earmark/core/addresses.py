"""Addresses without what they keep secret: user names, passwords, signatures and tokens.

Config may name an address that holds some. What is written down (settings, manifests, logs, records) has
``***`` in their place; the words themselves are in the environment of the workflow and its jobs alone,
and put back where something is asked for.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

VARIABLE = "EARMARK_ADDRESSES"
HIDDEN = "***"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_USER = re.compile(r"(?<=://)[^/?#@]*(?=@)")
_SECRET = re.compile(
    r"(?<=[?&;])([A-Za-z0-9_.-]*(?:sig|signature|token|key|key-pair-id|secret|credential|password|passwd|pwd|auth"
    r"|authorization|policy|session|sid|hmac|jwt|code|hdnea|hdnts)=)[^&;#\s'\"]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return a text with ``***`` for what the addresses in it keep secret."""
    return _ADDRESS.sub(lambda found: _mask(found[0]), text)


def hidden(content: Any) -> Any:
    """Return settings with their addresses masked; what was masked is kept in the environment."""
    if isinstance(content, dict):
        return {key: hidden(value) for key, value in content.items()}
    if isinstance(content, list):
        return [hidden(value) for value in content]
    if not isinstance(content, str) or (mask := masked(content)) == content:
        return content
    os.environ[VARIABLE] = json.dumps(_known() | {mask: content})
    return mask


def revealed(address: str) -> str:
    """Return the address behind a masked one, or behind one that a masked template with {id} gave."""
    for mask, real in _known().items():
        if address == mask:
            return real
        before, marked, after = mask.partition("{id}")
        if marked and address.startswith(before) and address.endswith(after):
            return real.replace("{id}", address[len(before) : len(address) - len(after)])
    return address


def _mask(address: str) -> str:
    return _SECRET.sub(rf"\1{HIDDEN}", _USER.sub(HIDDEN, address))


def _known() -> dict[str, str]:
    """Return the addresses behind masked ones."""
    found: dict[str, str] = json.loads(os.environ.get(VARIABLE, "{}"))
    return found
