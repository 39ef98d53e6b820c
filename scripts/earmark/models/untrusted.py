"""What a checkpoint's folder says about itself is read, never run, and believed only where it is plain.

transformers can load code that lies beside the weights, and asks on the terminal whether it may. Here
a folder that wants that is refused before anything of it is read.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from earmark.core.bounded_work import at_most
from earmark.core.errors import UserError
from earmark.models.panic import is_panic, unheard

MAX_JSON_BYTES = 1 << 26
"""The largest tokenizers have 35 MB, the index of a large model a few."""
SECONDS, MEGABYTES = 120.0, 4000.0
"""What reading a tokenizer or an extractor may take; the largest take seconds and 1 GB."""
LONGEST_GROWTH = 1000
"""Characters that a tokenizer's own replacements, one after the other, may make of one."""
MOST = {
    "chunk_length": 100_000,
    "feature_size": 10_000,
    "hop_length": 1_000_000,
    "n_fft": 100_000,
    "num_mel_bins": 10_000,
    "sampling_rate": 1_000_000,
}
"""What an audio extractor takes memory by, and the most that makes sense of it."""
WEIGHT_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors")


def read_json(path: Path) -> Any:
    """Return what a JSON file of a checkpoint holds; raises UserError if it can't be read."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UserError(f"{path} has more than {MAX_JSON_BYTES >> 20} MB: not a file of a checkpoint")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is missing or damaged ({in_a_line(error)}); fetch it again") from None


def refuse_own_code(folder: Path) -> None:
    """Raise UserError if a file of the folder asks for classes that lie in it as Python code."""
    for path in sorted(folder.glob("*config.json")):
        content = read_json(path)
        if isinstance(content, dict) and content.get("auto_map"):
            raise UserError(
                f"{path} asks for Python code of its own (auto_map), which is never run; use a checkpoint of "
                "a class that transformers has"
            )


def read_part(kind: Any, folder: Path, what: str) -> Any:
    """Return what an auto class of transformers (a tokenizer's, an extractor's) reads from a folder.

    Raises:
        UserError: its files are missing or damaged, or ask for code.

    """
    refuse_own_code(folder)
    _check_extractor(folder)
    _check_tokenizer(folder)
    try:
        with _without_warnings_of_other_parts(), unheard(), at_most(SECONDS, MEGABYTES):
            return kind.from_pretrained(folder, trust_remote_code=False)
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        raise UserError(f"{folder}: its {what} can't be read ({in_a_line(error)}); fetch it again") from None


def _check_extractor(folder: Path) -> None:
    """Raise UserError if an extractor's config asks for more than any extractor has."""
    path = folder / "preprocessor_config.json"
    content = read_json(path) if path.is_file() else {}
    for key, most in MOST.items():
        value = content.get(key) if isinstance(content, dict) else None
        if value is not None and not (type(value) is int and 1 <= value <= most):
            raise UserError(
                f"{path}: {key} is {str(value)[:40]}, not a whole number from 1 to {most}; fetch it again"
            )


def _check_tokenizer(folder: Path) -> None:
    """Raise UserError if a tokenizer would swell whatever it is given; the library bounds nothing."""
    path = folder / "tokenizer.json"
    content = read_json(path) if path.is_file() else {}
    for part in ("normalizer", "decoder") if isinstance(content, dict) else ():
        growth = _growth(content.get(part))
        if growth > LONGEST_GROWTH:
            raise UserError(f"{path}: its {part} makes {growth} characters of one; fetch it again")


def _growth(step: Any) -> int:
    """Return how many characters a step's replacements, one after the other, make of one at most."""
    if isinstance(step, list):
        return prod(map(_growth, step))
    if not isinstance(step, dict):
        return 1
    own = len(step["content"]) if isinstance(step.get("content"), str) else 1
    # A pattern may match where there is nothing, before every character and behind it.
    return (2 * own + 1 if own > 1 else 1) * prod(map(_growth, step.values()))


@contextlib.contextmanager
def _without_warnings_of_other_parts() -> Iterator[None]:
    """Keep transformers from warning of token ids of parts that nothing here uses.

    Loading a tokenizer reads the config of the whole model, where a talker's ids lie in another vocabulary.
    """

    def other(record: logging.LogRecord) -> bool:
        return "or an integer within the vocabulary" not in record.getMessage()

    logger = logging.getLogger("transformers.configuration_utils")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def weight_map(index: Path) -> dict[str, str]:
    """Return which file holds each tensor, as the index of a sharded checkpoint says.

    Raises:
        UserError: the index is damaged, or names something that is no file of its folder.

    """
    content = read_json(index)
    found = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise UserError(f"{index} is missing or damaged (it has no weight_map); fetch it again")
    for name in {repr(name): name for name in found.values()}.values():
        if not (isinstance(name, str) and WEIGHT_FILE.fullmatch(name)):
            raise UserError(f"{index} names {str(name)[:80]!r}, which is not a file of its folder")
    return found


def in_a_line(error: BaseException) -> str:
    """Return an error as one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
