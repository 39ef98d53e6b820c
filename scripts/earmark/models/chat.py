"""The chat template that has a place for audio: the processor's, the tokenizer's, or the family's own.

Published checkpoints keep it in different files: beside the processor (chat_template.json, or .jinja), in
the tokenizer's config, where it may know text alone, or nowhere, when transformers brings it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from earmark.core.bounded_work import TooMuch, at_most
from earmark.core.errors import UserError

SECONDS, MEGABYTES, LONGEST = 10.0, 2000.0, 100_000
"""What a template may take for the shortest of conversations: it is a program, if a small one."""
PROBE = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "?"}]}]


def template_of(tokenizer: Any, folder: Path, audio_id: int, own: str | None) -> str:
    """Return the first template that writes the audio placeholder once where a message has one recording.

    ``own`` is what the family falls back to.

    Raises:
        UserError: none does.

    """
    for template in _candidates(tokenizer, folder, own):
        try:
            with at_most(SECONDS, MEGABYTES):
                text = tokenizer.apply_chat_template(PROBE, chat_template=template, tokenize=False)
        except (TooMuch, ArithmeticError, MemoryError, RecursionError) as error:
            told = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"{folder}: its chat template can't be followed ({told}); fetch it again"
            ) from None
        except (TemplateError, TypeError, ValueError):
            continue  # one for text alone may not take a list
        if len(text) > LONGEST:
            raise UserError(
                f"{folder}: its chat template makes {len(text)} characters of a few words; fetch it again"
            )
        if tokenizer(text)["input_ids"].count(audio_id) == 1:
            return template
    raise UserError(
        f"{folder}: its chat template has no place for audio; put the chat_template.json of the published "
        "checkpoint there, or use an instruction-tuned checkpoint"
    )


def _candidates(tokenizer: Any, folder: Path, own: str | None) -> Iterator[str]:
    """Yield what may be the template, the processor's first."""
    path = folder / "chat_template.json"
    if path.is_file():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))["chat_template"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} holds no chat template ({type(error).__name__}); fetch it again"
            ) from None
        yield str(content)
    if isinstance(tokenizer.chat_template, str):
        yield tokenizer.chat_template  # its own, or that of chat_template.jinja
    if own is not None:
        yield own
