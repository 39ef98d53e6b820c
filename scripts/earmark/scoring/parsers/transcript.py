"""Parser of transcripts: the reply without what models put in front of the words.

Lead-ins that models are known to write (``Spoken Content:``, ``The original content of this audio is:``,
``Sure! Here is the transcript:``, ``In the audio, the speaker says:``) are taken off, once and only at the
beginning, and one pair of quotation marks around the whole; so are a tokenizer's own marks
(``<|endoftext|>``) and times in brackets. Nothing else is touched: what a model adds
beyond that is an insertion and counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from earmark.scoring.parsers.text import without_thinking

_THING = (
    r"(?:(?:original|exact|accurate|full|complete|spoken|audio|verbatim|transcribed|english|following|speech)\s+)*"
    r"(?:content|text|words?|speech|transcript(?:ion)?|audio|recording|clip|dialogue|utterance|sentence)"
    r"(?:\s+(?:spoken|heard))?"
)
_OF = (
    r"(?:\s+(?:of|in|from|for)\s+(?:the|this|your)\s+(?:given\s+|provided\s+)?"
    r"(?:audio|recording|speech|clip|file)(?:\s+(?:clip|file|recording))?)?"
)
_VOICE = r"(?:speaker|person|voice|audio|recording|speech|man|woman|narrator|reader|clip)"
_WHO = (
    rf"(?:the\s+|a\s+)?(?:(?:fe)?male\s+)?{_VOICE}"
    r"(?:\s+in\s+(?:the|this)\s+(?:audio|recording|clip)(?:\s+(?:clip|file))?)?"
)
_SAYS = r"(?:says?|said|is saying|reads?|states?|is heard saying|can be heard saying)"
_LEAD_IN = re.compile(
    rf"^\W*(?:(?:sure|certainly|okay|ok|of course|yes|absolutely|alright|well)\b\W+)?"
    rf"(?:(?:in|from|according to)\s+(?:the|this)\s+(?:audio|recording|clip|speech)"
    rf"(?:\s+(?:clip|file))?\s*,?\s*)?"
    rf"(?:(?:here(?:'s|\u2019s| is| are)|this is|below is|the\s+following\s+is)\s+)?"
    rf"(?:(?:(?:the\s+audio\s+contains\s+)?(?:the\s+|an?\s+|what\s+is\s+)?{_THING}{_OF}"
    rf"(?:\s+(?:is|are|reads?|says?|goes))?(?:\s+as\s+follows)?"
    rf"|what\s+(?:is|was)\s+said|i\s+hea(?:r|rd)|speaker(?:\s+\d+)?|output|answer"
    rf"|(?:what\s+)?{_WHO}\s+{_SAYS}(?:\s+in\s+\w+)?)"
    rf"\**\s*(?::\**|(?P<comma>,)(?=\s*[\"\u201c'])|(?=\s*[\"\u201c])|(?=\s'[^']*'\W*\Z)))\s*",
    flags=re.IGNORECASE,
)
_SAID = re.compile(rf"^\W*(?:in\s+the\s+audio\s*,\s*)?{_WHO}\s+{_SAYS}\s*,\s*", flags=re.IGNORECASE)
_CHINESE = re.compile(
    r"^\W*(?:这段|该|此)?(?:音频|录音|语音)(?:中|里)?(?:的)?(?:原始)?(?:内容|文本|文字)?(?:是|为)?[:：]\s*"
)
_MARKS = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?(?:transcript(?:ion)?|text|answer)>|\[\d{1,2}:\d{2}[\d:.,\s>-]{0,40}\]"
)
_TIME = re.compile(r"\A\s*\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\s+")
_QUOTES = {'"': '"', "\u201c": "\u201d", "'": "'", "\u2018": "\u2019", "\u300c": "\u300d"}


def parse(answer: str, options: Sequence[str]) -> str | None:
    """Return the transcript, or None for a reply without any word; ``options`` are not looked at."""
    text = _TIME.sub("", _MARKS.sub(" ", without_thinking(answer))).strip()
    shorter = _CHINESE.sub("", _LEAD_IN.sub("", text, count=1), count=1)
    text = (shorter if shorter != text else _SAID.sub("", text, count=1)).strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1].rstrip(".") and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text if re.search(r"\w", text) else None
