"""Word error rate (WER) of transcripts."""

from __future__ import annotations

from earmark.scoring import error_rate
from earmark.scoring.transcripts import ErrorRate, measures


class WordErrorRate(ErrorRate):
    """Substituted, deleted and inserted words over the words of the reference."""

    unit = "word"
    measures = measures("wer", "word", "WER")
    remark = "Where the score is the word error rate (WER), less is better; a difference above 0 is worse."
    count = staticmethod(error_rate.words)
