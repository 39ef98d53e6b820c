"""Types of values that several sections use."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

T = TypeVar("T")

Split = Literal["train", "test"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
TaskName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
ModelName = Annotated[str, Field(pattern="^[a-z][a-z0-9.-]*$")]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")]
"""Of a method, a recipe, a student, a teacher: letters, digits and hyphens."""


def _distinct(values: list[T]) -> list[T]:
    """Refuse a list that says something twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"{value!r} stands twice; name it once")
    return values


Distinct = Annotated[list[T], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})]
"""A list that says nothing twice."""
