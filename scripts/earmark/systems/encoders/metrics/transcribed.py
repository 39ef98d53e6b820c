"""One minus the error rate of transcripts, at least 0: XARES-LLM's iWER and iCER."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Transcribed(Metric):
    """Words or characters, blanks included, on normalised texts; computed by systems/encoders/measures.py."""

    measures = (
        Measure("iwer", "1 - word error rate", "iWER"),
        Measure("icer", "1 - character error rate", "iCER"),
    )
