"""Character error rate (CER) of transcripts: for scripts without spaces, or where spelling counts."""

from __future__ import annotations

from earmark.scoring import error_rate
from earmark.scoring.transcripts import ErrorRate, measures


class CharacterErrorRate(ErrorRate):
    """Substituted, deleted and inserted characters over the characters of the reference, spaces included."""

    unit = "character"
    measures = measures("cer", "character", "CER")
    remark = (
        "Where the score is the character error rate (CER), less is better; a difference above 0 is worse."
    )
    count = staticmethod(error_rate.characters)
