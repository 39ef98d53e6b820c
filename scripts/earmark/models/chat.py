"""The chat template that has a place for audio: the processor's, the tokenizer's, or the family's own.

Published checkpoints keep it in different files: beside the processor (chat_template.json, or .jinja), in
the tokenizer's config, where it may know text alone, or nowhere, when transformers brings it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from earmark.core.bounded_work import TooMuch, at_most
from earmark.core.errors import UserError
from earmark.models.untrusted import read_json
from earmark.models.words import ids_of

SECONDS, MEGABYTES, LONGEST = 10.0, 2000.0, 100_000
"""What a template may take for a conversation, and make besides its words: it is a small program."""
PROBE = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "?"}]}]


def template_of(tokenizer: Any, folder: Path, audio_id: int, own: str | None) -> str:
    """Return the first template that writes the audio placeholder once where a message has one recording.

    ``own`` is what the family falls back to.

    Raises:
        UserError: none does.

    """
    for template in _candidates(tokenizer, folder, own):
        try:
            text = followed(tokenizer, PROBE, template, folder)
        except (TemplateError, TypeError, ValueError):
            continue  # one for text alone may not take a list
        if ids_of(tokenizer, text, folder).count(audio_id) == 1:
            return template
    raise UserError(
        f"{folder}: its chat template has no place for audio; put the chat_template.json of the published "
        "checkpoint there, or use an instruction-tuned checkpoint"
    )


def followed(
    tokenizer: Any, messages: list[dict[str, Any]], template: str, folder: Path, **options: Any
) -> str:
    """Return the text that a chat template makes of messages.

    Raises:
        UserError: it fails by itself, takes too long, or makes far more of them than they are.
        TemplateError: it refuses them; so may TypeError and ValueError.

    """
    try:
        with at_most(SECONDS, MEGABYTES):
            text: str = tokenizer.apply_chat_template(
                messages, chat_template=template, tokenize=False, **options
            )
    except (TooMuch, ArithmeticError, MemoryError, RecursionError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{folder}: its chat template can't be followed ({told}); fetch it again") from None
    if len(text) > LONGEST + len(str(messages)):
        raise UserError(
            f"{folder}: its chat template makes {len(text)} characters of {len(str(messages))}; fetch it "
            "again"
        )
    return text


def _candidates(tokenizer: Any, folder: Path, own: str | None) -> Iterator[str]:
    """Yield what may be the template, the processor's first."""
    path = folder / "chat_template.json"
    if path.is_file():
        content = read_json(path)
        if not (isinstance(content, dict) and isinstance(content.get("chat_template"), str)):
            raise UserError(f"{path} holds no chat template; fetch it again")
        yield content["chat_template"]
    if isinstance(tokenizer.chat_template, str):
        yield tokenizer.chat_template  # its own, or that of chat_template.jinja
    if own is not None:
        yield own
