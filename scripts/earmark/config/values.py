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
SPELLED = {
    TASK_NAME: "must be lower-case letters, digits and underscores, a letter first",
    MODEL_NAME: "must be lower-case letters, digits, dots and hyphens, a letter first",
    NAME: "must be lower-case letters, digits and hyphens, a letter first",
    DEVICE: "is no device; use auto, cpu, cuda or a numbered one like cuda:1",
}
"""In words, what the patterns ask for that users meet most."""

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
