"""The question put to a model: options drawn, template filled, the right letter known.

Which options are shown is a function of the seed and the clip, so every method sees the same
prompts.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from earmark.core.errors import UserError

LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Question:
    """A prompt and its answer. ``truth`` indexes ``options``; None where there are none."""

    prompt: str
    options: tuple[str, ...]
    truth: int | None

    @property
    def letter(self) -> str | None:
        """The letter of the right option."""
        return None if self.truth is None else LETTERS[self.truth]


def shown(label: str) -> str:
    """Return a class name as a prompt shows it: ``dog_bark`` as ``dog bark``."""
    return label.replace("_", " ")


def draw_options(label: str, classes: Sequence[str], count: int, seed: int, clip_id: str) -> list[str]:
    """Return ``count`` class names in a seeded order, ``label`` among them."""
    from earmark.core.seeding import generator  # of numpy, and this is read when the workflow is parsed

    rng = generator(seed, "options", clip_id)
    others = sorted(set(classes) - {label})
    chosen = [others[i] for i in rng.permutation(len(others))[: count - 1]]
    chosen.insert(int(rng.integers(len(chosen) + 1)), label)
    return chosen


def fill(template: str, question: str, options: Sequence[str], mark: str = ".") -> str:
    """Fill a template's ``{question}`` and ``{options}``, one ``A. name`` a line; ``mark`` is the sign.

    Raises:
        UserError: the template has an unknown field.
    """
    lines = "\n".join(
        f"{letter}{mark} {shown(option)}" for letter, option in zip(LETTERS, options, strict=False)
    )
    try:
        return template.format(question=question, options=lines)
    except (KeyError, IndexError, ValueError) as error:
        raise UserError(f"template: unknown field {error}; known: {{question}}, {{options}}") from None


def ask(
    template: str, question: str, options: Sequence[str], label: str, mark: str = ".", fixed: bool = False
) -> Question:
    """Return the question whose right answer is ``label``.

    ``fixed`` says that the options are the same for every clip: only then may the template name them
    itself.

    Raises:
        UserError: the template has an unknown field or shows no options.
        ValueError: the label is none of the options.
    """
    if "{options}" not in template and not fixed:
        raise UserError("template: {options} is missing, so the options would not be shown")
    return Question(fill(template, question, options, mark), tuple(options), list(options).index(label))


def ask_freely(template: str, question: str) -> Question:
    """Return the request for a transcript or a number; there are no options.

    Raises:
        UserError: the template has an unknown field.
    """
    return Question(fill(template, question, ()), (), None)
