"""In what form a shard's clips are stored, and how that is spelt in a path.

``whole-float32`` are features of whole clips, ``crop30-42-float32`` of training clips cut to 30 s by seed 42,
``-sinc`` behind it of audio that was resampled as upstream does it, ``-half`` the first half of each clip's
frames, ``audio`` the samples themselves, resampled as upstream does it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from earmark.core.errors import UserError

SPELT = re.compile(
    r"audio|(whole|crop(?P<crop>[0-9.]+)-(?P<seed>[0-9]+))-(?P<dtype>float32|float16|bfloat16)"
    r"(?P<sinc>-sinc)?(?P<half>-half)?"
)


@dataclass(frozen=True)
class Form:
    """What is stored of a clip."""

    dtype: str | None
    """Of the features; None: the audio itself."""
    crop_s: float | None = None
    """Longest clip, seconds; None: all of it."""
    seed: int = 0
    """Of the stretch that is kept of a longer one."""
    half: bool = False
    """Whether only the first half of a clip's frames is kept, as upstream's Whisper example does."""
    sinc: bool = False
    """Whether audio is resampled as upstream does it, see :mod:`earmark.audio.sinc`."""

    def __str__(self) -> str:
        if self.dtype is None:
            return "audio"
        cut = "whole" if self.crop_s is None else f"crop{self.crop_s:g}-{self.seed}"
        return f"{cut}-{self.dtype}{'-sinc' if self.sinc else ''}{'-half' if self.half else ''}"

    @classmethod
    def read(cls, text: str) -> Form:
        """Return the form that a path spells; raises UserError if it is none."""
        found = SPELT.fullmatch(text)
        if found is None:
            raise UserError(f"'{text}' is no form of features; write whole-float32 or crop30-42-float32")
        if found["dtype"] is None:
            return WAVES
        crop = float(found["crop"]) if found["crop"] else None
        return cls(
            found["dtype"], crop, int(found["seed"] or 0), bool(found["half"]), sinc=bool(found["sinc"])
        )


WAVES = Form(None, sinc=True)
"""The audio itself, which trainings as upstream does them read."""
