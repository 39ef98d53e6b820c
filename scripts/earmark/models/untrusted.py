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
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError

MAX_JSON_BYTES = 1 << 30
"""Tokenizers have tens of megabytes, the index of a large model a few."""
WEIGHT_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors")


def read_json(path: Path) -> Any:
    """Return what a JSON file of a checkpoint holds; raises UserError if it can't be read."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UserError(f"{path} has more than {MAX_JSON_BYTES >> 20} MB: not a file of a checkpoint")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is missing or damaged ({_line(error)}); fetch it again") from None


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
    try:
        with _without_warnings_of_other_parts():
            return kind.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise UserError(f"{folder}: its {what} can't be read ({_line(error)}); fetch it again") from None
    except BaseException as error:
        # How Rust, in which tokenizers are written, says that something is impossible.
        if type(error).__name__ != "PanicException":
            raise
        raise UserError(f"{folder}: its {what} can't be read ({_line(error)}); fetch it again") from None


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


def _line(error: BaseException) -> str:
    """Return an error as one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
