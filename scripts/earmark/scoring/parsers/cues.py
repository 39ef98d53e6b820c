"""What replies say about options: the words that introduce an answer, deny one, take one back.

Patterns are written over several lines; line breaks and the indentation behind them are no part of them.
"""

from __future__ import annotations

import re


def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern written over several lines, capitals and small letters alike."""
    return re.compile(re.sub(r"\n\s*", "", text), re.IGNORECASE)


_FILLERS = r"""
    (?:(?:is|was|are|would|should|must|will|be|to|most|likely|probably|clearly|definitely|certainly|
    simply|just|obviously|therefore|thus|still|the|an?|option|choice|letter|number|with|for|as|that|
    it|this|correct|best|right|one|es|ist|est|son|sería|la|el|le|die|opción|class|genre|label|
    category|speaker|audio|sound)\b[\s:\"'(\[{=>-]*)*
"""
"""Words that may stand between what introduces an answer and the answer."""

FINAL = _pattern(
    r"""
    (?:\bfinal\s+(?:answer|choice|decision|verdict)\b|\boverall\b|\bin (?:conclusion|summary|
    short)\b|\bto (?:conclude|sum up)\b|最终答案)[\s\W]*"""
    + _FILLERS
    + r"""$
"""
)
"""What introduces a final answer."""

ANSWER = _pattern(
    r"""
    (?:\b(?:answers?|answered|choose|chose|choosing|select|selected|selecting|pick|picked|
    go(?:ing)? (?:with|for)|opt for|conclude|guess|bet|settle on|vote for|prediction|response|
    respuesta|réponse|antwort|risposta|ответ|resposta|correct(?: option| choice)?|more likely|
    leaning towards?|lean towards?|best (?:option|choice|match|fit)|right (?:option|choice)|so|
    hence|therefore|thus)\b|ans|答案|选择|选项|选|應選|答え|正解|回答)(?:[^\w\n]|是|为|為|は|选|选择|选项|項|项|\s)*"""
    + _FILLERS
    + r"""$
"""
)
"""What introduces an answer: "the answer is", "I choose", "so", in several languages."""

SAID_RIGHT = _pattern(r"""
    ^[\s)\]\"'.:-]*(?:(?:is|was|seems|seems to be|appears to be|would be|must be|looks)\s+(?:(?:the|
    my|clearly|most|likely|probably|definitely)\s+)*(?:correct|right|best|answer|choice|true|final|
    it)\b|(?:,\s*)?(?:remains|is left|fits|matches)\b(?:\s+(?:best|the))?|[:,-]?\s*(?:yes|correct|
    true|right|是正确的|が正解|です))
""")
"""What follows an option that is called right."""

SAID_WRONG = _pattern(r"""
    ^[^.!?;,\n]{0,40}?\b(?:(?:is|are|was|were|seems?|'s|would be|can be|could be|being|sounds|
    looks)\s+(?:\w+ly\s+)?(?:not\b|wrong|incorrect|false|out\b|ruled|excluded|eliminated|unlikely|
    less|impossible|absent|missing|no\b|neither|off\b|implausible|inaccurate)|(?:isn't|aren't|
    wasn't|doesn't|don't|does not|do not|did not|didn't|can't|cannot|can not|won't|couldn't|
    could not|never|fails?)\b|(?:不对|不正确|错|ではない|じゃない))|^\s*[):\]\"'-]*\s*[:,=-]?\s*\(?(?:wrong|
    incorrect|false|(?:no|not)(?=\W*(?:$|\n|[.;)])))\b
""")
"""What follows an option that is called wrong, within the clause."""

NEGATED = _pattern(r"""
    (?:\b(?:not|never|neither|nor|no|none|nothing|nobody|nowhere|hardly|barely|scarcely|rarely|
    seldom|without|except(?:\s+for)?|excluding|exclude|excludes|eliminate|eliminates|(?:rule|rules|
    ruled|ruling)(?:\s+out)?|other than|rather than|instead of|unlike|as opposed to|opposed to|
    versus|vs|far from|free of|lacks?|lacking|absence of|compared (?:to|with)|differs from|
    distinguish\w* from|different from|no sign of|
    over(?=\s+(?:an?\s+|the\s+|option\s+)?\Z)|reject|rejects|
    cannot|than|nicht|kein\w*|pas|
    sin|ningún|ninguna|ni)\b|n't\b|\bnon[\s-]?|不是|并非|不像|没有|排除|除了|\bno es\b)(?P<gap>[^\n]*)\Z
""")
"""What denies the options after it; ``gap`` is what lies between."""

EXCEPT = _pattern(r"""
    \b(?:anything|all|everything|any option|every option) but\W+(?:an?\s+|the\s+)?\Z
""")
""""Anything but" directly before an option."""

HARMLESS = _pattern(r"""
    \b(?:nothing but|nothing other than|not only|no doubt|no question|not sure|not certain|
    not a hundred percent|more than)\b
""")
"""Negations that deny nothing."""

LIMIT = _pattern(r"""
    [.!?;:\n]|\b(?:but|so|because|since|although|though|therefore|however|only|doubt|just)\b|
    (?<=\w), ?(?!or\b|nor\b)(?=[a-z ]*(?:it|this|that|he|she|the answer|is|i)\b)|\s-\s
""")
"""Where the reach of a negation ends."""

GUESS = _pattern(r"""
    \b(?:could|might|may|maybe|perhaps|possibly|possible|alternatively|either|sounds?|seems?|
    appears?|initially|at first|first thought|usually|often|typically|reminiscent|elements?|hints?|
    influences?|mix|a (?:bit|little)|slightly|somewhat|most of)\b[^.!?;\n]*$
""")
"""What makes a name a guess."""

REASON = _pattern(r"""
    \b(?:because|since|as|due to|given|like|such as|e\.g\.|for example|compare|comparing|although|
    though|while|whereas|even if|even though|if)\b[^.!?;\n]*$
""")
"""What makes a name a reason or a comparison."""

TOPIC = _pattern(r"""
    \b(?:(?:talk|speak|tell|sing|read|ask)(?:s|ing)?|discuss\w*|spoke|told|sang|stor(?:y|ies))\b
    [^.!?;\n]*\babout\b(?!\s+\d)[^.!?;\n]*$
""")
"""What makes a name something that is talked about."""

REFUSAL = _pattern(r"""
    \b(?:unable|not able|impossible|(?:can(?:no|')?t|can not|could not|couldn't|am not able to|
    won't)\s+(?:\w+\s+)?(?:answer|determine|tell|identify|listen|hear|process|play|access|provide|
    say|help|assist|choose|decide|distinguish|classify|know|make|detect|analy[sz]e|judge|pick)|
    don't know|do not know|no way to (?:tell|know)|no idea|no audio|not enough (?:information|
    audio)|as an? (?:ai|language model)|apologi[sz]e|i'm sorry|i am sorry|(?:am|
    'm) not sure (?:whether|if|which))\b
""")
"""What says that there is no answer."""

STILL = _pattern(r"""
    \b(?:but|however|though|guess|think|believe|probably|likely|would|suspect|i'd|still|answer|lean|
    leaning|so)\b
""")
"""What gives an answer all the same."""

CORRECTION = _pattern(r"""
    (?:\b(?:wait|correction|i mean|scratch that|on second thoughts?|on reflection|let me (?:correct|
    rethink|revise)|i (?:change|changed|take|misspoke|meant)|oops|or rather|sorry,? (?:i meant|it's|
    it is)|hold on|hmm|my mistake|strike that|revised)\b|\bactually\b(?=[,\s]+(?:it|no|the|that|
    this|i|\W?[A-Z]\b))|(?:[.?!,;)-]|\.\.\.)\s*\bno\b(?=\s*(?:[.,!;:)]|-|it\b|the\b|that\b|
    (?-i:[A-Z]\b)|\())|\bnot?\s*,\s*it'?s\b)
""")
"""What takes back what was said before."""

NO_OF = _pattern(r"\b(?:is|are|was|were|there's|be|has|have|with|but|and|contains?|hears?)\s+\Z")
"""What makes a "no" that another word follows deny that word, where "no" is an option itself."""

ABSENT = _pattern(r"""
    \b(?:there\s+(?:is|are)(?:n't|\s+not)|(?:do|does|did)(?:n't|\s+not)\s+(?:hear|contain|include|have|
    detect)|(?:cannot|can't|can\s+not)\s+(?:hear|detect))\s+(?:any|an?)\b
""")
"""What says "no" to a question of yes or no without the word."""

BETWEEN = _pattern(r"""
    ^[)\]]? ?[(\[]?$|^[ )\]\"'.]*(?:,|/|&|\+|\||\bor\b|\band\b|\bnor\b|或|和|や|または)(?:,|\b(?:or|and|
    nor|maybe|perhaps|possibly|either|the|answer|is|an?|option|choice|it|could|be|also)\b|
    [ (\[\"'])*$
""")
"""What stands between options named side by side."""
