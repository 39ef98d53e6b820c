"""Speech Commands as published: a folder per word, testing_list.txt and validation_list.txt."""

from __future__ import annotations

from typing import Literal

from earmark.config.source import Rooted


class Source(Rooted):
    """Speech Commands as published: a folder per word, testing_list.txt and validation_list.txt."""

    kind: Literal["speech_commands"]
