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


_FILLERS = (
    r"(?:(?:is|was|are|would|should|must|will|be|to|most|likely|probably|clearly|definitely|certainly|simply|just|"
    r"obviously|therefore|thus|still|the|an?|option|choice|letter|number|with|for|as|that|it|this|correct|best|right|"
    r"one|es|ist|est|son|sería|la|el|le|die|opción|class|genre|label|category|speaker|audio|sound)\b[\s:\"'(\[{=>-]*)*"
)
_FINAL = re.compile(
    rf"(?:\bfinal\s+(?:answer|choice|decision|verdict)\b|\boverall\b|\bin (?:conclusion|summary|short)\b|"
    rf"\bto (?:conclude|sum up)\b|最终答案)[\s\W]*{_FILLERS}$",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"(?:\b(?:answers?|answered|choose|chose|choosing|select|selected|selecting|pick|picked|go(?:ing)? (?:with|for)|"
    r"opt for|conclude|guess|bet|settle on|vote for|prediction|response|respuesta|réponse|antwort|risposta|ответ|"
    r"resposta|correct(?: option| choice)?|more likely|leaning towards?|lean towards?|best (?:option|choice|match|fit)|right (?:option|choice)|"
    r"so|hence|therefore|thus)\b|"
    rf"答案|选择|选|應選|答え|正解|回答)(?:[^\w\n]|是|为|為|は|选|选择|选项|項|项|\s)*{_FILLERS}$",
    re.IGNORECASE,
)
_SAID_RIGHT = re.compile(
    r"^[\s)\]\"'.:-]*(?:(?:is|was|seems|seems to be|appears to be|would be|must be|looks)\s+(?:(?:the|my|clearly|most|"
    r"likely|probably|definitely)\s+)*(?:correct|right|best|answer|choice|true|final|it)\b|"
    r"(?:,\s*)?(?:remains|is left|fits|matches)\b(?:\s+(?:best|the))?|[:,-]?\s*(?:yes|correct|true|right|是正确的|が正解|です))",
    re.IGNORECASE,
)
_SAID_WRONG = re.compile(
    r"^[^.!?;,\n]{0,40}?\b(?:(?:is|are|was|were|seems?|'s|would be|can be|could be|being|sounds|looks)\s+(?:\w+ly\s+)?"
    r"(?:not\b|wrong|incorrect|false|out\b|ruled|excluded|eliminated|unlikely|less|impossible|absent|missing|no\b|"
    r"neither|off\b|implausible|inaccurate)|(?:isn't|aren't|wasn't|doesn't|don't|does not|do not|did not|didn't|"
    r"can't|cannot|can not|won't|couldn't|could not|never|fails?)\b|(?:不对|不正确|错|ではない|じゃない))|"
    r"^\s*[):\]\"'-]*\s*[:,=-]?\s*\(?(?:wrong|incorrect|false|(?:no|not)(?=\W*(?:$|\n|[.;)])))\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|neither|nor|no|none|nothing|nobody|nowhere|hardly|barely|scarcely|rarely|seldom|without|"
    r"except(?:\s+for)?|excluding|exclude|excludes|eliminate|eliminates|(?:rule|rules|ruled|ruling)(?:\s+out)?|"
    r"other than|rather than|instead of|unlike|as opposed to|opposed to|versus|vs|far from|free of|"
    r"lacks?|lacking|absence of|compared (?:to|with)|differs from|distinguish\w* from|different from|no sign of|"
    r"over|reject|rejects|cannot|than|nicht|kein\w*|pas|sin|ningún|ninguna|ni)\b|n't\b|\bnon[\s-]?|不是|并非|不像|没有|"
    r"排除|除了|\bno es\b)(?P<gap>[^\n]*)\Z",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:anything|all|everything|any option|every option) but\W+(?:an?\s+|the\s+)?\Z", re.IGNORECASE
)
_HARMLESS = re.compile(
    r"\b(?:nothing but|nothing other than|not only|no doubt|no question|not sure|not certain|"
    r"not a hundred percent|more than)\b",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"[.!?;:\n]|\b(?:but|so|because|since|although|though|therefore|however|only|doubt|just)\b|"
    r"(?<=\w), ?(?!or\b|nor\b)(?=[a-z ]*(?:it|this|that|he|she|the answer|is|i)\b)|\s-\s",
    re.IGNORECASE,
)
_GUESS = re.compile(
    r"\b(?:could|might|may|maybe|perhaps|possibly|possible|alternatively|either|sounds?|seems?|appears?|initially|"
    r"at first|first thought|usually|often|typically|reminiscent|elements?|hints?|influences?|mix)\b[^.!?;\n]*$",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because|since|as|due to|given|like|such as|e\.g\.|for example|compare|comparing|although|though|while|"
    r"whereas|even if|even though|if)\b[^.!?;\n]*$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:unable|not able|impossible|(?:can(?:no|')?t|can not|could not|couldn't|am not able to|won't)\s+(?:\w+\s+)?"
    r"(?:answer|determine|tell|identify|listen|hear|process|play|access|provide|say|help|assist|choose|decide|"
    r"distinguish|classify|know|make|detect|analy[sz]e|judge|pick)|don't know|do not know|no way to (?:tell|know)|"
    r"no idea|no audio|not enough (?:information|audio)|as an? (?:ai|language model)|apologi[sz]e|i'm sorry|i am sorry|"
    r"(?:am|'m) not sure (?:whether|if|which))\b",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:but|however|though|guess|think|believe|probably|likely|would|suspect|i'd|still|answer|lean|leaning|so)\b",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"(?:\b(?:wait|correction|i mean|scratch that|on second thoughts?|on reflection|let me (?:correct|rethink|revise)|"
    r"i (?:change|changed|take|misspoke|meant)|oops|or rather|sorry,? (?:i meant|it's|it is)|hold on|hmm|"
    r"my mistake|strike that|revised)\b|\bactually\b(?=[,\s]+(?:it|no|the|that|this|i|\W?[A-Z]\b))|"
    r"(?:[.?!,;)-]|\.\.\.)\s*\bno\b(?=\s*(?:[.,!;:)]|-|it\b|the\b|that\b|(?-i:[A-Z]\b)|\())|\bnot?\s*,\s*it'?s\b)",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"\b(?:but|however|yet|although|though)\b", re.IGNORECASE)
_BETWEEN = re.compile(
    r"^[)\]]? ?[(\[]?$|^[ )\]\"'.]*(?:,|/|&|\+|\||\bor\b|\band\b|\bnor\b|或|和|や|または)"
    r"(?:,|\b(?:or|and|nor|maybe|perhaps|possibly|either|the|answer|is|an?|option|choice|it|could|be|also)\b|[ (\[\"'])*$",
    re.IGNORECASE,
)


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
    """Return the stretches of a reply between its corrections; "no" corrects nothing where it is an option."""
    says_no = any(name.casefold() == "no" for spellings in names for name in spellings)
    cuts = [
        match.end()
        for match in _CORRECTION.finditer(text)
        if not (says_no and match[0].strip(" .?!,;)-").casefold() == "no")
    ]
    edges = [0, *cuts, len(text)]
    return [(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def _claims(text: str, found: Sequence[Mention], start: int) -> list[Claim]:
    """Return what a stretch of a reply claims, denied mentions left out."""
    denied = {m for m in found if _denied(text, m, found, start)}
    # "A. blues is wrong" denies the letter with its name.
    denied |= {
        m for m, after in zip(found, found[1:]) if after in denied and re.fullmatch(r"[.):\]\s-]*", text[m.end : after.start])
    }
    kept = [m for m in found if m not in denied]
    claims = [Claim(m, strength) for m in kept if (strength := _strength(text, m, start)) is not None]
    return _side_by_side(text, claims)


def _denied(text: str, mention: Mention, found: Sequence[Mention], start: int) -> bool:
    """Say whether a mention is negated or called wrong."""
    before = text[max(start, mention.start - WINDOW) : mention.start]
    if _EXCEPT.search(before):
        return True
    negated = _NEGATED.search(_HARMLESS.sub(lambda match: " " * len(match[0]), before))
    if negated and not _LIMIT.search(_without(negated["gap"], found, text, mention.start - len(negated["gap"]))):
        return True
    rest = text[mention.end : mention.end + WINDOW]
    following = next((m.start for m in found if m.start > mention.end), None)
    wrong = _SAID_WRONG.match(rest)
    if wrong is None:
        return False
    # What is said to be wrong of the next option is not said of this one.
    inside = following is not None and mention.end + wrong.end() > following
    return not inside or bool(_BETWEEN.match(text[mention.end : following]))


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
    if _FINAL.search(before):
        return Strength.FINAL
    if _ANSWER.search(before) or _SAID_RIGHT.match(after) and not _REASON.search(clause):
        return Strength.PASSING if re.search(r"\b(?:could|might|may)\b", clause, re.I) else Strength.ANSWER
    refusal = next(reversed([m.end() for m in _REFUSAL.finditer(text, 0, mention.start)]), None)
    if refusal is not None and not _STILL.search(text[refusal : mention.start]):
        return None
    if not text[: mention.start].strip(" \n\"'([{<>-:*#.") and (mention.marked or _opens(after) and mention.letter):
        return Strength.LISTED
    ahead = before.rstrip(" \"'(*[{")
    if mention.letter and mention.marked and ahead.endswith("\n") or _sentence(ahead, after):
        return Strength.LISTED
    if _REASON.search(clause):
        return Strength.PASSING
    return Strength.PASSING if _GUESS.search(clause) else Strength.NAMED


def _sentence(before: str, after: str) -> bool:
    """Say whether a mention is a sentence, or the last word, by itself."""
    return bool(re.search(r"(?:^|[\n.:?!])(?:\s*(?:an?|the))?\s*$", before, re.IGNORECASE)) and bool(
        re.match(r"[\"')\]}]*\s*(?:[.!\n]|$)", after)
    )


def _opens(after: str) -> bool:
    """Say whether what follows a letter at the beginning marks it as the choice."""
    return re.match(r"\s*(?:$|[.):\]\n]|-\s|,\s*(?:because|since|as)\b|\s(?:because|since|as|due)\b)", after) is not None


def _side_by_side(text: str, claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims with options that stand side by side, ``A or B``, raised to the strength of the firmest."""
    levels = [claim.strength for claim in claims]
    for index in range(1, len(claims)):
        first, second = claims[index - 1].mention, claims[index].mention
        if first.letter == second.letter and _BETWEEN.match(text[first.end : second.start]):
            levels[index - 1] = levels[index] = max(levels[index - 1], levels[index])
    return [Claim(claim.mention, level) for claim, level in zip(claims, levels)]


def _agreed(claims: Sequence[Claim]) -> int | None:
    """Return the option of the strongest claims, or None where they name several."""
    top = max(claim.strength for claim in claims)
    chosen = {claim.mention.option for claim in claims if claim.strength == top}
    return chosen.pop() if len(chosen) == 1 else None
