"""Options of kind transformers: any audio classifier that transformers loads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from earmark.config.links import LocalPath, repository
from earmark.config.section import Section, left_out
from earmark.config.values import Positive


class Options(Section):
    """Any audio classifier that transformers loads, with its own feature extractor."""

    path: LocalPath | None = left_out()
    """local checkpoint folder"""

    hub: Annotated[str, repository("model")] | None = left_out()
    """owner/name at the Hugging Face hub, instead of a path"""

    revision: str = "main"
    """commit, tag or branch"""

    seconds: Positive | None = None
    """clips are padded with silence or cut (and counted) to this length; null: as they are, clips of one
    length together"""

    upsample: bool = False
    """let it hear clips of a lower sample rate than its own, raised to it; recorded"""

    precision: Literal["float32", "float16"] = "float32"
    """float16: on a GPU only"""

    @model_validator(mode="after")
    def _one_origin(self) -> Options:
        if (self.path is None) == (self.hub is None):
            raise ValueError("give either path or hub")
        return self
