"""What of the web can be reached: the hub, YouTube, and what YouTube asks for besides.

Every request has a time limit. The hub's token is looked for and never shown.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable

from earmark.config.common import Fetch
from earmark.doctor.findings import MISSING, NOTE, OK, Finding

AREA = "network"
TIMEOUT_S = 3.0
YOUTUBE = "https://www.youtube.com/generate_204"


def endpoint() -> str:
    """Return the hub's address."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def offline() -> bool:
    """Whether the environment keeps huggingface_hub from asking."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def trouble(url: str, proxy: str | None = None) -> str:
    """Return what keeps a server from answering; nothing if it answers, in whatever way."""
    import requests

    proxies = {"http": proxy, "https": proxy} if proxy else None
    try:
        with requests.get(url, timeout=TIMEOUT_S, proxies=proxies, stream=True, allow_redirects=False):
            return ""
    except requests.exceptions.ProxyError:
        return "the proxy does not answer"
    except requests.exceptions.SSLError:
        return "its certificate is refused"
    except requests.exceptions.Timeout:
        return f"no answer within {TIMEOUT_S:g} s"
    except (requests.exceptions.RequestException, ValueError):
        return "no connection"


def hub_trouble() -> str:
    """Return why the hub can't be asked; nothing if it can."""
    if importlib.util.find_spec("huggingface_hub") is None:
        return "huggingface_hub is not installed"
    return "HF_HUB_OFFLINE is set" if offline() else trouble(endpoint())


def hub(why_not: str, needed: bool) -> list[Finding]:
    """Say whether the hub answers, and whether there is a token; ``why_not`` as of :func:`hub_trouble`."""
    found = [Finding(AREA, "hub", OK, f"{endpoint()} answers")]
    if why_not:
        fix = "files in the local cache (HF_HOME) and local folders work without it"
        found = [Finding(AREA, "hub", MISSING if needed else NOTE, f"{endpoint()}: {why_not}", fix, needed)]
    return [*found, token()]


def token() -> Finding:
    """Say whether huggingface_hub has a token, from the environment or a login."""
    from huggingface_hub import get_token

    if get_token():
        return Finding(AREA, "hub token", OK, "there is one")
    return Finding(AREA, "hub token", NOTE, "none; only gated and private repositories need one")


def youtube(fetch: Fetch, needed: bool) -> Finding:
    """Say whether YouTube answers; ``fetch`` is the config's section."""
    why_not = trouble(YOUTUBE, fetch.proxy)
    if not why_not:
        return Finding(AREA, "YouTube", OK, "answers (whether it serves a guest only a fetch tells)")
    text = f"{why_not}; only tasks whose clips are fetched need it"
    return Finding(AREA, "YouTube", MISSING if needed else NOTE, text, "", needed)


def javascript(fetch: Fetch, needed: bool) -> Finding:
    """Look for the JavaScript runtimes that yt-dlp would use: Deno, or what config names."""
    from yt_dlp.globals import supported_js_runtimes

    named: dict[str, str | None] = {str(name): place for name, place in fetch.js_runtimes.items()}
    named = named or {"deno": None}
    usable = {}
    for name, runtime in supported_js_runtimes.value.items():
        found = runtime(path=named.get(name)).info
        if found is not None and found.supported:
            usable[name] = found.version
    for name in named:
        if name in usable:
            return Finding(AREA, "JavaScript", OK, f"{name} {usable[name]}")
    others = [f"{name} {version}" for name, version in usable.items()]
    text = f"no {' or '.join(named)} new enough" + (f", but {', '.join(others)}" if others else "")
    fix = "install Deno 2.3 or newer; YouTube asks for it"
    if usable:
        fix = f"set fetch.js_runtimes: {{{next(iter(usable))}: null}} in the config"
    return Finding(AREA, "JavaScript", NOTE, text, fix, needed)


def checks(
    fetch: Fetch, wants_youtube: bool, why_not: str, wants_hub: bool
) -> dict[str, Callable[[], list[Finding]]]:
    """Return the checks by name; ``why_not`` the hub can't be asked."""
    return {
        "hub": lambda: hub(why_not, wants_hub),
        "YouTube": lambda: [youtube(fetch, wants_youtube)],
        "JavaScript": lambda: [javascript(fetch, wants_youtube)],
    }
