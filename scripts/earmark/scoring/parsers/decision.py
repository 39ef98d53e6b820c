"""Which option a reply decides for: mentions weighed by what is said of them.

Every mention of an option is denied, or claimed with a strength. Denied is what stands in the scope of a
negation (``not``, ``nothing``, ``anything but``, ``rather than``) or is called wrong. Claims rank from a
final answer over "the answer is" and a letter that opens the reply down to names in passing and guesses.
The strongest claims decide if they agree; a correction ("no, wait, actually") makes what follows it count
first. Two options on a level are no decision.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from earmark.scoring.parsers import cues
from earmark.scoring.parsers.mentions import Mention, mentions
from earmark.scoring.parsers.text import visible

WINDOW = 240
"""Characters before and after a mention in which what is said of it is looked for."""


class Strength(IntEnum):
    """How firmly a reply claims an option."""

    PASSING = 1
    NAMED = 2
    LISTED = 3
    ANSWER = 4
    FINAL = 5


@dataclass(frozen=True)
class Claim:
    """An option and how firmly the reply claims it."""

    mention: Mention
    strength: Strength


def decide(answer: str, options: Sequence[str], names: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the option that a reply decides for, or None.

    Args:
        answer: the reply as the model gave it.
        options: as shown, in the order of their letters.
        names: of every option, what it may be called (`names.spellings`).

    """
    text = visible(answer, options)
    found = mentions(text, options, names)
    if not found:
        return None
    for start, end in reversed(_stretches(text, names)):
        claims = _claims(text, [m for m in found if start <= m.start < end], start)
        if claims:
            return _agreed(claims)
    return None


def _stretches(text: str, names: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Return the stretches between a reply's corrections; "no" corrects nothing where it is an option."""
    says_no = any(name.casefold() == "no" for spellings in names for name in spellings)
    cuts = [
        match.end()
        for match in cues.CORRECTION.finditer(text)
        if not (says_no and match[0].strip(" .?!,;)-").casefold() == "no")
    ]
    edges = [0, *cuts, len(text)]
    return [(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def _claims(text: str, found: Sequence[Mention], start: int) -> list[Claim]:
    """Return what a stretch of a reply claims, denied mentions left out."""
    denied = {m for m in found if _denied(text, m, found, start)}
    # "A. blues is wrong" denies the letter with its name.
    denied |= {
        m
        for m, after in zip(found, found[1:])
        if after in denied
        and m.option == after.option
        and re.fullmatch(r"[.):\]\s-]*", text[m.end : after.start])
    }
    kept = [m for m in found if m not in denied]
    claims = [Claim(m, strength) for m in kept if (strength := _strength(text, m, start)) is not None]
    return _side_by_side(text, claims)


def _denied(text: str, mention: Mention, found: Sequence[Mention], start: int) -> bool:
    """Say whether a mention is negated or called wrong."""
    before = text[max(start, mention.start - WINDOW) : mention.start]
    if cues.EXCEPT.search(before):
        return True
    negated = cues.NEGATED.search(cues.HARMLESS.sub(lambda match: " " * len(match[0]), before))
    if negated and not _over(text, mention, found, negated["gap"]):
        return True
    if _says_yes_or_no(text, mention):
        return False
    rest = text[mention.end : mention.end + WINDOW]
    following = next((m.start for m in found if m.start > mention.end), None)
    wrong = cues.SAID_WRONG.match(rest)
    if wrong is None:
        return False
    # What is said to be wrong of the next option is not said of this one.
    inside = following is not None and mention.end + wrong.end() > following
    return not inside or bool(cues.BETWEEN.match(text[mention.end : following]))


def _over(text: str, mention: Mention, found: Sequence[Mention], gap: str) -> bool:
    """Say whether the reach of a negation ends before a mention: ``not angry, sad`` denies one of them."""
    between = _without(gap, found, text, mention.start - len(gap))
    swapped = re.fullmatch(r"\s*(?:an?\s+|the\s+)?x+,\s*(?:an?\s+|the\s+)?", between)
    ends = re.match(r"[\"')\]]*\s*(?:[.!\n]|$)", text[mention.end :])
    return bool(cues.LIMIT.search(between) or swapped and ends)


def _without(gap: str, found: Sequence[Mention], text: str, offset: int) -> str:
    """Return what lies between a negation and a mention, other mentions blanked out."""
    signs = list(gap)
    for mention in found:
        for place in range(max(mention.start - offset, 0), min(mention.end - offset, len(signs))):
            signs[place] = "x"
    return "".join(signs)


def _strength(text: str, mention: Mention, start: int) -> Strength | None:
    """Return how firmly a mention is claimed; None where the reply says there that it can't answer."""
    before = text[max(start, mention.start - WINDOW) : mention.start]
    after = text[mention.end : mention.end + WINDOW]
    clause = re.split(r"[.!?;\n]|\b(?:but|however|yet|so)\b", before, flags=re.IGNORECASE)[-1]
    if cues.TOPIC.search(clause):
        return None
    if _says_yes_or_no(text, mention) and cues.NO_OF.search(before) and re.match(r"\s+\w", after):
        return Strength.PASSING
    if cues.FINAL.search(before):
        return Strength.FINAL
    if cues.ANSWER.search(before) or cues.SAID_RIGHT.match(after) and not cues.REASON.search(clause):
        return Strength.PASSING if re.search(r"\b(?:could|might|may)\b", clause, re.I) else Strength.ANSWER
    refusal = next(reversed([m.end() for m in cues.REFUSAL.finditer(text, 0, mention.start)]), None)
    if refusal is not None and not cues.STILL.search(text[refusal : mention.start]):
        return None
    if not text[: mention.start].strip(" \n\"'([{<>-:*#.") and (
        mention.marked or _opens(after) and mention.letter
    ):
        return Strength.LISTED
    ahead = before.rstrip(" \"'(*[{")
    if mention.letter and mention.marked and ahead.endswith("\n") or _sentence(ahead, after):
        return Strength.LISTED
    if cues.REASON.search(clause):
        return Strength.PASSING
    return Strength.PASSING if cues.GUESS.search(clause) else Strength.NAMED


def _says_yes_or_no(text: str, mention: Mention) -> bool:
    """Say whether a mention is the word itself: "No, it isn't" does not call "no" wrong."""
    return text[mention.start : mention.end].casefold() in ("yes", "no")


def _sentence(before: str, after: str) -> bool:
    """Say whether a mention is a sentence, or the last word, by itself."""
    return bool(re.search(r"(?:^|[\n.:?!])(?:\s*(?:an?|the))?\s*$", before, re.IGNORECASE)) and bool(
        re.match(r"[\"')\]}]*\s*(?:[.!\n]|$)", after)
    )


def _opens(after: str) -> bool:
    """Say whether what follows a letter at the beginning marks it as the choice."""
    return (
        re.match(r"\s*(?:$|[.):\]\n]|-\s|,\s*(?:because|since|as)\b|\s(?:because|since|as|due)\b)", after)
        is not None
    )


def _side_by_side(text: str, claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims, options that stand side by side (``A or B``) as firm as the firmest of them."""
    levels = [claim.strength for claim in claims]
    for index in range(1, len(claims)):
        first, second = claims[index - 1].mention, claims[index].mention
        if first.letter == second.letter and cues.BETWEEN.match(text[first.end : second.start]):
            levels[index - 1] = levels[index] = max(levels[index - 1], levels[index])
    return [Claim(claim.mention, level) for claim, level in zip(claims, levels)]


def _agreed(claims: Sequence[Claim]) -> int | None:
    """Return the option of the strongest claims, or None where they name several."""
    top = max(claim.strength for claim in claims)
    chosen = {claim.mention.option for claim in claims if claim.strength == top}
    return chosen.pop() if len(chosen) == 1 else None
