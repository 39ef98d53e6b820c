"""How the network is reached."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from earmark.core.errors import UserError


@dataclass(frozen=True)
class Network:
    """How the network is reached: config's `fetch` (see its schema)."""

    workers: int = 4
    requests_per_hour: float | None = 300
    retries: int = 3
    backoff_s: float = 2
    timeout_s: float = 30
    item_deadline_s: float = 600
    max_item_mb: float = 2000
    max_list_mb: float = 1000
    list_deadline_s: float = 1800
    stop_after_limited: int = 10
    hours: str | None = None
    section_above_s: float = 900
    cookies: str | None = None
    proxy: str | None = None
    js_runtimes: dict[str, str | None] = field(default_factory=dict)
    extractor_args: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @classmethod
    def of_environment(cls) -> Network:
        """Return what the workflow says in the environment: arguments would show a proxy's password."""
        return cls(**json.loads(os.environ.get("EARMARK_NETWORK", "{}")))


def cookies_of(network: Network) -> str | None:
    """Return the text of the cookies file, if config names one; raises UserError if it isn't there."""
    if network.cookies is None:
        return None
    try:
        return Path(network.cookies).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"config: fetch.cookies: {network.cookies} cannot be read ({error})") from None
