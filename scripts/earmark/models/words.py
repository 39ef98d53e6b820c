"""Text to token ids and back with a checkpoint's own tokenizer, which may fail or never end.

Its regular expressions are part of the checkpoint and run in a library without a bound of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from earmark.core.bounded_work import TooMuch, within
from earmark.core.errors import UserError
from earmark.models.panic import is_panic, unheard
from earmark.models.untrusted import in_a_line

T = TypeVar("T")
SECONDS = 20.0
"""A prompt takes milliseconds."""
PER_CHARACTER, ROOM = 16, 1000
"""More ids than so many a character, and so many on top, no tokenizer makes."""


def ids_of(tokenizer: Any, text: str, folder: Path, *, special: bool = True) -> list[int]:
    """Return the token ids of a text; ``special``: with what the tokenizer puts around it.

    Raises:
        UserError: the tokenizer of ``folder`` fails, takes too long, or makes far too many.

    """
    ids: list[int] = _asked(lambda: tokenizer(text, add_special_tokens=special)["input_ids"], folder)
    if len(ids) > PER_CHARACTER * len(text) + ROOM:
        raise UserError(
            f"{folder}: its tokenizer makes {len(ids)} tokens of {len(text)} characters; fetch it again"
        )
    return ids


def text_of(tokenizer: Any, ids: Sequence[int], folder: Path) -> str:
    """Return the text that token ids stand for, without special tokens; raises as :func:`ids_of`."""
    return str(_asked(lambda: tokenizer.decode(ids, skip_special_tokens=True), folder))


def _asked(work: Callable[[], T], folder: Path) -> T:
    try:
        with unheard():
            return within(SECONDS, work)
    except TooMuch as error:
        raise UserError(f"{folder}: its tokenizer takes {error} for a text; fetch it again") from None
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        raise UserError(f"{folder}: its tokenizer fails ({in_a_line(error)}); fetch it again") from None
