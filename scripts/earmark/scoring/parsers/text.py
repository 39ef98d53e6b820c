"""A reply made ready to be read: plain signs, thinking left out, options that are only read back left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from earmark.scoring.question import LETTERS, shown

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_QUOTES = {ord("\u2019"): "'", ord("\u2018"): "'", ord("\u201c"): '"', ord("\u201d"): '"'}
_THINKING = re.compile(
    r"<(think|thinking|reasoning|thought)>.*?(?:</\1>|\Z)", flags=re.DOTALL | re.IGNORECASE
)
_THOUGHT = re.compile(r"\A.*</(?:think|thinking|reasoning|thought)>", flags=re.DOTALL | re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?\n]|\Z)")
_QUESTION = re.compile(r"\b(?:what|which|who|where|is|are|does|do|how)\b.{12,}\?\Z", re.IGNORECASE)
_REQUEST = re.compile(
    r"\s*(?:please\s+)?(?:answer|reply|respond|choose|select)\s+(?:with|from|the)\b.*"
    r"\b(?:only|letter|letters|options?)\b.*[.\n]\Z",
    re.IGNORECASE | re.DOTALL,
)
LONGEST = 4000
"""Characters of a reply that are read: half of them from its beginning, half from its end."""

_NUMBERED = re.compile(r"^\s*1[.)]\s.*(?:\n\s*\d{1,2}[.)]\s.*)+", re.MULTILINE)
_ITEM = re.compile(r"(?:^|(?<=[\s,;]))\W?\b([A-Za-z])\s*[.):\]]\s*", re.MULTILINE)


def plain(text: str) -> str:
    """Return a text with full-width letters, curly quotation marks and all dashes made plain."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_QUOTES).strip()


def without_thinking(answer: str) -> str:
    """Return a reply without what a model thought in ``<think>`` before it."""
    return _THOUGHT.sub("", _THINKING.sub(" ", answer))


def visible(answer: str, options: Sequence[str]) -> str:
    """Return what a reply says: no thinking, no question or request read back, no list of all options."""
    text = without_thinking(plain(answer))
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n{text[-LONGEST // 2 :]}"
    text = re.sub(
        r"[*`$]|\\(?:text|boxed|mathrm|mathbf)\b|\\[()\[\]]", lambda m: "" if m[0] in "*`$" else " ", text
    )
    rest = _NUMBERED.sub(
        lambda found: re.sub(r"(?m)^\s*\d{1,2}[.)]", "-", found[0]), _without_list(text, options)
    )
    said = _SENTENCE.sub(lambda m: " " if _QUESTION.search(m[0]) or _REQUEST.match(m[0]) else m[0], rest)
    return said.strip() if re.search(r"\w", said) else rest.strip()


def _without_list(text: str, options: Sequence[str]) -> str:
    """Return a text without the options read back in order, whole or cut off; other lists stay."""
    items = list(_ITEM.finditer(text))
    for first, item in enumerate(items):
        if item[1].upper() != LETTERS[0]:
            continue
        run = [item]
        for after in items[first + 1 :]:
            if len(run) < len(options) and after[1].upper() == LETTERS[len(run)]:
                run.append(after)
            elif after[1].upper() in LETTERS[: len(options)]:
                break
        ends = [_end(text, one, options[index]) for index, one in enumerate(run)]
        if len(run) > 1 and all(end is not None for end in ends):
            return text[: item.start()] + " \n" + text[ends[-1] :]
    return text


def _end(text: str, item: re.Match[str], option: str) -> int | None:
    """Return where an item of a list ends, if what follows its letter is the option, or the start of it."""
    said = plain(shown(option))
    there = text[item.end() : item.end() + len(said)]
    if there.casefold() == said.casefold():
        return item.end() + len(said)
    rest = text[item.end() :]
    head = re.split(r"[(:;,]|\s-\s", said)[0].strip()
    if head and rest.casefold().startswith(head.casefold()):
        return item.end() + len(rest.split("\n", 1)[0])
    cut = bool(rest.strip()) and said.casefold().startswith(rest.strip().casefold())
    return len(text) if cut or not rest.strip() else None
