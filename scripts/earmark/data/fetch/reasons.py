"""Why an item could not be fetched: one short code each, and whether asking again can help.

The patterns are the wording of yt-dlp 2026.10 and of what YouTube's player says through it; other
sites are told apart by their HTTP status. What nothing matches is ``unknown``, with its message.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

MAX_RETRY_AFTER_S = 6 * 3600.0
"""A longer wait asked for by a server is taken for a mistake."""


@dataclass(frozen=True)
class Kind:
    """A class of failures.

    ``permanent``: asking again in another run is no use; ``again``: another try in the same run may
    help; ``limited``: the server asks for fewer requests; ``login``: cookies may change the answer.
    """

    code: str
    permanent: bool
    again: bool = False
    limited: bool = False
    login: bool = False


KINDS = {
    kind.code: kind
    for kind in (
        Kind("removed", True),
        Kind("account closed", True),
        Kind("unavailable", True),
        Kind("private", True, login=True),
        Kind("paid", True, login=True),
        Kind("age-gated", True, login=True),
        Kind("geo-blocked", True),
        Kind("protected", True),
        Kind("not media", True),
        Kind("no audio", True),
        Kind("too short", True),
        Kind("decode", True),
        Kind("too large", True),
        Kind("live", False),
        Kind("rate limited", False, again=True, limited=True),
        Kind("bot check", False, limited=True),
        Kind("forbidden", False, again=True),
        Kind("server error", False, again=True),
        Kind("network", False, again=True),
        Kind("deadline", False),
        Kind("unknown", False, again=True),
    )
}
NOT_ASKED = "not asked"
"""Of an item that no run has come to yet."""

# In order: an answer about limits or bots beats what else a message says, the country beats the
# copyright, and the general "video unavailable" comes last.
PATTERNS = [
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        ("rate limited", r"rate.?limit|too many requests|isn.t available, try again later"),
        ("bot check", r"not a bot|captcha|anti-bot|likely being blocked|unusual traffic"),
        ("age-gated", r"confirm your age|age.?restrict|age.?gate|inappropriate for some users"),
        ("private", r"private video|video is private|granted access|login required|log in|please sign in"),
        ("paid", r"members.only|join this channel|premium members|requires payment|paid content|rental"),
        ("account closed", r"account .{0,60}(terminated|closed|suspended)|uploader has closed"),
        ("geo-blocked", r"in your (country|location|region)|from your location|geo.?(restrict|block)"),
        ("live", r"live event will begin|premieres? (will begin )?in |live stream|livestream"),
        ("protected", r"DRM protected"),
        ("removed", r"has been removed|been deleted|no longer available|violat|does not exist|copyright"),
        ("no audio", r"requested format is not available|matches no streams|no audio"),
        ("not media", r"unsupported url|no video formats found|not a valid url|is not a media"),
        (
            "unavailable",
            r"video (is )?(unavailable|not available)|isn.t available|disabled by the",
        ),
        (
            "network",
            r"timed? ?out|connection (refused|reset|aborted|broken)|failed to resolve|name resolution"
            r"|unreachable|bytes read|incomplete|expected \d+ bytes|content too short|remote end closed"
            r"|did not get any data blocks|certificate|ssl|proxy|end of file|input/output error",
        ),
        ("decode", r"undecodable|unreadable|invalid data found|not finite|no samples|wrong length|checksum"),
    )
]
STATUSES = {
    401: "private",
    402: "paid",
    403: "forbidden",
    404: "removed",
    408: "network",
    410: "removed",
    425: "network",
    429: "rate limited",
    451: "geo-blocked",
}


@dataclass(frozen=True)
class Reason:
    """A failure: its kind and what the site or the library said."""

    kind: Kind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind.code} ({self.detail})" if self.detail else self.kind.code


class Failure(Exception):
    """An item that could not be fetched; ``retry_after_s`` is what the server asked to wait."""

    def __init__(self, reason: Reason, retry_after_s: float | None = None) -> None:
        super().__init__(str(reason))
        self.reason, self.retry_after_s = reason, retry_after_s


def reason(code: str, detail: str = "") -> Reason:
    """Return a reason of a known kind."""
    return Reason(KINDS[code], detail)


def classify(message: str) -> Reason:
    """Return the reason behind an error's message."""
    text = cleaned(message)
    # An address may hold any word, and says nothing of why it failed.
    said = re.sub(r"\w+://\S*", "", text)
    for code, pattern in PATTERNS:
        if pattern.search(said):
            return reason(code, text)
    match = re.search(r"HTTP Error (\d{3})|returned (\d{3})", text, re.IGNORECASE)
    if match:
        status = int(match[1] or match[2])
        # 3xx: redirected in a circle.
        code = STATUSES.get(status, "server error" if status >= 500 or status < 400 else "unknown")
        return reason(code, f"HTTP {status}")
    if "5XX Server Error" in text:
        return reason("server error", text)
    return reason("unknown", text)


def cleaned(message: str, limit: int = 200) -> str:
    """Return a message as one short line: no colours, boilerplate, queries of addresses or secrets."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    text = re.sub(r"^(ERROR: )?(\[[\w:+-]+\] )?(\S{1,80}: (?=[A-Z]))?", "", text)
    text = re.sub(r"[;.]? *please report this issue on.*$", "", text, flags=re.IGNORECASE)
    text = re.sub(
        r" *\(caused by .*$| Use --cookies.*$| Also see .*$| You might want to use a VPN.*$", "", text
    )
    # Addresses keep their site and path: queries, fragments, user names and passwords go.
    text = re.sub(r"(\w+://)(?:[^\s/@'\"]*@)?([^\s?#'\"]*)[?#][^\s'\"]*", r"\1\2", text)
    text = re.sub(r"(\w+://)[^\s/@'\"]*@", r"\1", text)
    text = re.sub(r"(?i)\b(set-cookie|cookie|authorization)\b\s*[:=].*$", r"\1 (left out)", text)
    text = re.sub(r" at 0x[0-9a-f]+|\[[^\[\]]* @ 0x[0-9a-f]+\] ?", "", text)
    # The reason is cut at its first " (" to get its code, and is one field of one line.
    return text[:limit].strip()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all it was caused by, yt-dlp's own wrapping included."""
    todo, seen = [error], set()
    while todo:
        found = todo.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            inside = getattr(found, "exc_info", None) or ()
            todo += [*inside[1:2], getattr(found, "cause", None), found.__cause__, found.__context__]


def disk_full(error: BaseException) -> bool:
    """Whether a full disk, or a limit on what may be written, is behind an error."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return any(
        (isinstance(e, OSError) and e.errno in codes) or "No space left on device" in str(e)
        for e in chain(error)
    )


def seconds_to_wait(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), or None without a usable one."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None
