"""What a student is built as: sizes, strides of its patches, and where its weights start."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from earmark.config.links import LocalPath, repository
from earmark.config.section import Section, left_out
from earmark.config.values import Count

Stride = Annotated[int, Field(ge=1, le=16)]


class Sizes(Section):
    """Of the transformer; where weights come from a checkpoint, they must be that checkpoint's."""

    hidden: int = Field(default=768, ge=8)
    """width"""

    layers: Count = 12
    """depth"""

    heads: Count = 12
    """attention heads"""

    mlp: int = Field(default=3072, ge=8)
    """width inside the feed-forward blocks"""


class Init(Section):
    """Where a student's weights start."""

    start: Literal["random", "imagenet", "audioset"] = Field(default="random", alias="from")
    """random; imagenet: a distilled DeiT or a ViT, its patches' colours summed; audioset: an AST checkpoint.
    Position embeddings are interpolated to the student's grid"""

    hub: Annotated[str, repository("model")] | None = left_out()
    """repository on the Hugging Face hub"""

    revision: str = "main"
    """commit, tag or branch"""

    path: LocalPath | None = left_out()
    """local checkpoint folder"""

    positions: Literal["placed", "cropped"] = "placed"
    """of the checkpoint's position embeddings: placed: taken where the student's patches lie (of a vision
    transformer, spread over them); cropped: as AST's published code does, the middle of the grid, to compare
    with its figures"""

    @model_validator(mode="after")
    def _one_origin(self) -> Init:
        given = [key for key in ("hub", "path") if getattr(self, key) is not None]
        if self.start == "random" and given:
            raise ValueError(f"from random needs no {given[0]}")
        if self.start != "random" and len(given) != 1:
            raise ValueError(f"from {self.start} needs either hub or path")
        return self


class Shape(Section):
    """The network of a student, but for its classes and the length of its input."""

    sizes: Sizes = Sizes()
    """of the transformer; where weights come from a checkpoint, they must be that checkpoint's"""

    strides: list[Stride] = Field(default=[10, 10], min_length=2, max_length=2)
    """of the 16 x 16 patches: over mel bins, over frames"""


class Architecture(Shape):
    """The network of a student, and where its weights start."""

    init: Init = Init()
    """where its weights start"""
