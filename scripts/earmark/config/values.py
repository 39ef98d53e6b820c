"""Types of values that several sections use."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

T = TypeVar("T")

Split = Literal["train", "test"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
TASK_NAME, MODEL_NAME, NAME = "^[a-z][a-z0-9_]*$", "^[a-z][a-z0-9.-]*$", "^[a-z][a-z0-9-]*$"
DEVICE = "^(auto|cpu|cuda(:[0-9]+)?)$"
SHA256 = "^[0-9a-f]{64}$"
WEB = "^https?://"
FILE = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
REPOSITORY = "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
VERSION = "^[0-9][A-Za-z0-9.!+_]*$"
HOURS = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
GGUF = "^[^/]+[.]gguf$"
LETTERS = "^[a-z]+$"
FOLD = "^[A-Za-z0-9]+$"
VIDEO = r"^https?://[^/]+/.*\{id\}"
SPELLED = {
    SHA256: "is no SHA-256: 64 signs 0-9 and a-f, as `sha256sum FILE` prints them",
    WEB: "is no address; it begins with https:// or http://",
    FILE: "is no file's name: letters, digits, dots, hyphens and underscores, and no folder before it",
    REPOSITORY: "is no data set's name; on the hub it is owner/name",
    VERSION: "is no version; write it as 1.2.3, in quotes",
    HOURS: "is no stretch of hours; write it as 22:00-06:00, in quotes",
    GGUF: "is no GGUF file; give its name in the repository or folder, ending in .gguf",
    LETTERS: "must be lower-case letters alone",
    FOLD: "must be letters and digits alone",
    VIDEO: "is no address with {id} where a video's id goes",
    TASK_NAME: "must be lower-case letters, digits and underscores, a letter first",
    MODEL_NAME: "must be lower-case letters, digits, dots and hyphens, a letter first",
    NAME: "must be lower-case letters, digits and hyphens, a letter first",
    DEVICE: "is no device; use auto, cpu, cuda or a numbered one like cuda:1",
}
"""In words, what the patterns ask for."""

TaskName = Annotated[str, Field(pattern=TASK_NAME)]
ModelName = Annotated[str, Field(pattern=MODEL_NAME)]
Name = Annotated[str, Field(pattern=NAME)]
"""Of a method, a recipe, a student, a teacher: letters, digits and hyphens."""


def _distinct(values: list[T]) -> list[T]:
    """Refuse a list that says something twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"{value!r} stands twice; name it once")
    return values


Distinct = Annotated[list[T], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})]
"""A list that says nothing twice."""
