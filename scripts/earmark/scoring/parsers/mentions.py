"""Where a reply names an option: by its letter, by its name, by an age."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from earmark.scoring.parsers import ages, cues
from earmark.scoring.parsers.names import codes
from earmark.scoring.question import LETTERS

# A letter may stand right beside Chinese, Japanese or Korean signs, which write no spaces.
# Ignoring case would look for it in each of these 40,000 signs, 1 ms for every pattern that is compiled.
WORD = r"(?-i:[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3])"
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_ARTICLE_ENDS = (
    r"(?!\s+(?!(?:is|was|or|and|because|since|as|would|seems?|sounds|fits|matches|for|due|given|but|not|no|"
    r"rather|instead|unlike|over|appears|looks|must|should|could|might|may|has|cannot|can't|isn't|doesn't|does|"
    r"obviously|clearly|probably|definitely|most likely|please|thanks?|actually|wait|hence|so|with)\b)[a-z])"
)
_ASKED = re.compile(
    r"(?:\b(?:answer|ans|option|choice|choose|select|pick|letter|so|thus|hence)s?\b|答案|选项|选择|选)\W*"
    r"(?:(?:is|was|would be)\b|是|为)?\W*$",
    re.I,
)
_OPENS = re.compile(r"\s*(?:[,\n]|-\s|(?:because|since|as|due)\b)")
# fmt: off
_FUNCTION_WORDS = frozenset((
    "with", "from", "that", "this", "than", "then", "into", "onto", "over", "under", "about", "there",
    "their", "they", "them", "have", "been", "were", "some", "what", "when", "where", "which", "while",
    "because", "other", "only", "very", "more", "most",
))
# fmt: on
_KEYS = r"(?!\s+(?:major|minor|sharp|flat)\b)(?!\s?[#\u266f\u266d])"


@dataclass(frozen=True)
class Mention:
    """An option named at a place in a reply; ``marked`` where its letter is written as a letter of a list."""

    start: int
    end: int
    option: int
    letter: bool
    marked: bool = False


def mentions(text: str, options: Sequence[str], names: Sequence[Sequence[str]]) -> list[Mention]:
    """Return every place where a reply names an option, in order, none inside another."""
    named = _longest(
        [*_names(text, names), *_codes(text, options), *_typos(text, names), *_ages(text, options)]
    )
    covered = {place for mention in named for place in range(mention.start, mention.end)}
    letters = [mention for mention in _letters(text, len(options)) if mention.start not in covered]
    found = named + letters
    if not found and not ages.groups(options):
        found = _beginning(text, options) or _parts(text, names)
    if not found and sorted(option.casefold() for option in options) == ["no", "yes"]:
        no = next(index for index, option in enumerate(options) if option.casefold() == "no")
        found = [Mention(*match.span(), no, letter=False) for match in cues.ABSENT.finditer(text)]
    return sorted(found, key=lambda mention: mention.start)


def _letters(text: str, count: int) -> Iterator[Mention]:
    """Yield option letters: capitals as words of their own, small ones only where they are marked.

    "A" before a word is an article and "I" a pronoun, unless what follows is said of an answer.
    """
    letters = LETTERS[:count]
    pattern = re.compile(
        rf"(?<!{WORD})(?<![/.&+-])(?<!\w')(?:(?P<marked>[(\[]\s*[{letters}{letters.lower()}]\s*[)\]])"
        rf"|(?P<listed>[{letters}{letters.lower()}](?=\s*[)\]]|\s*[.:](?:\s|$)))"
        rf"|(?P<bare>[{letters}{letters.lower()}]))(?!{WORD})(?![/+#&]|'[a-z]|\.\w)"
    )
    for match in pattern.finditer(text):
        letter = re.sub(r"\W", "", match[0])
        ahead = text[: match.start()].rstrip(" \"'([{*")
        line = ahead.endswith("\n") or not ahead.strip("\n<>-:#")
        plain = match["bare"] or match["listed"] and letter.islower() and not line
        if plain and not _stands_alone(text, match.start(), match.end()):
            continue
        marked = bool(match["marked"]) or bool(match["listed"] and line)
        yield Mention(match.start(), match.end(), letters.index(letter.upper()), letter=True, marked=marked)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether a bare letter is one of the list, not a musical key, an article, a pronoun or a word."""
    letter = text[start:end]
    if not re.match(_KEYS, text[end:]):
        return False
    if letter.islower():
        if letter != "i" and not re.search(r"\w", text[:start]) and _OPENS.match(text[end:]):
            return True
        if re.search(r"\b[a-z]\s*[).]\s*$", text[:start]) and re.match(r"\s*[).]", text[end:]):
            return True
        asked = _ASKED.search(text[max(0, start - 40) : start]) and not re.match(r"\s+[a-z]", text[end:])
        return bool(asked) or not re.search(r"\w", text[:start] + text[end:])
    if letter == "A":
        return re.match(_ARTICLE_ENDS, text[end:]) is not None
    return letter != "I" or re.match(r"\s*(?:$|[.,;:!?\n])", text[end:]) is not None


def _pattern(name: str) -> str:
    """Return the pattern of a name as whole words; spaces, hyphens and underscores between them are free."""
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.rstrip(".,;:!?")) if word]
    if not words:
        return r"(?!)"
    body = r"[\s_-]*".join(words) if len(words) > 1 and max(map(len, words)) < 16 else words[0]
    if len(words) > 3:
        body = r"[\s_,-]+".join(words)
    plural = r"(?:e?s|'s)?" if re.search(r"[a-z]{3}$", name) and len(words) < 4 else ""
    if _CJK.search(name):
        return body
    return rf"(?<!{WORD})(?<!\w')(?:{body}){plural}(?!{WORD})(?!'[a-rt-z])"


def _names(text: str, names: Sequence[Sequence[str]]) -> Iterator[Mention]:
    folded = text.replace("_", " ")
    for index, spellings in enumerate(names):
        for name in spellings:
            for match in re.finditer(_pattern(name), folded, flags=re.IGNORECASE):
                yield Mention(match.start(), match.end(), index, letter=False)


def _codes(text: str, options: Sequence[str]) -> Iterator[Mention]:
    """Yield an option's code (``F`` of female) where it is the whole reply, or what a colon introduces."""
    for index, option in enumerate(options):
        for code in codes(option):
            match = re.search(rf"(?:\A\W*|[:=是]\s*[\"']?)({re.escape(code)})\W*\Z", text, re.IGNORECASE)
            if match:
                yield Mention(match.start(1), match.end(1), index, letter=False)


def _beginning(text: str, options: Sequence[str]) -> list[Mention]:
    """Return the option that alone begins with the whole reply, as a limit on its length leaves it."""
    said = " ".join(re.findall(r"\w+", text.casefold()))
    begun = [
        i for i, one in enumerate(options) if " ".join(re.findall(r"\w+", one.casefold())).startswith(said)
    ]
    if len(begun) != 1 or said.count(" ") < 2:
        return []
    return [Mention(0, len(text), begun[0], letter=False)]


def _typos(text: str, names: Sequence[Sequence[str]]) -> Iterator[Mention]:
    """Yield words that are one slip away from a name of at least six letters, and from no other option's."""
    known = [
        (index, name.casefold())
        for index, spellings in enumerate(names)
        for name in spellings
        if len(name) >= 4 and name.replace(" ", "").isalpha() and len(name.split()) < 3
    ]
    words = list(re.finditer(r"[^\W\d_]+", text))
    for count in (1, 2):
        for first, last in zip(words, words[count - 1 :]):
            said = re.sub(r"[\W_]+", " ", text[first.start() : last.end()].casefold())
            near = {
                (i, name)
                for i, name in known
                if said != name and OSA.distance(said, name, score_cutoff=1) <= 1
            }
            sure = {index for index, name in near if len(name) >= 6 and name[0] == said[0]}
            if len(sure) == 1 and sure == {index for index, _ in near}:
                yield Mention(first.start(), last.end(), sure.pop(), letter=False)


def _ages(text: str, options: Sequence[str]) -> Iterator[Mention]:
    spans = ages.groups(options)
    for said in ages.said(text) if spans else ():
        group = ages.group_of(said, spans or [])
        if group is not None:
            yield Mention(said.start, said.end, group, letter=False)


def _parts(text: str, names: Sequence[Sequence[str]]) -> list[Mention]:
    """Return the option that alone has a word of the reply in its name: ``shaver`` of two that say so."""
    owners: dict[str, set[int]] = {}
    for index, spellings in enumerate(names):
        words = re.findall(r"[^\W\d_]+", spellings[0].casefold()) if spellings else []
        for word in words if 1 < len(words) < 4 else ():
            owners.setdefault(word, set()).add(index)
    return [
        Mention(match.start(), match.end(), next(iter(owners[word])), letter=False)
        for match in re.finditer(r"[^\W\d_]{4,}", text)
        if (word := match[0].casefold()) not in _FUNCTION_WORDS and len(owners.get(word, ())) == 1
    ]


def _longest(found: Sequence[Mention]) -> list[Mention]:
    """Return the mentions that lie in no longer one: ``music`` of ``folk music`` is no mention of music."""
    kept: list[Mention] = []
    reach = -1
    for one in sorted(dict.fromkeys(found), key=lambda mention: (mention.start, -mention.end)):
        if one.end > reach or kept and (kept[-1].start, kept[-1].end) == (one.start, one.end):
            kept.append(one)
        reach = max(reach, one.end)
    # Where the same words name two options, neither is named by them.
    owners: dict[int, set[int]] = {}
    for one in kept:
        owners.setdefault(one.start, set()).add(one.option)
    return [one for one in kept if len(owners[one.start]) == 1]
