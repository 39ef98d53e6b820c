"""The YAML files that XARES-LLM's users have: what is trained on, and what is evaluated on.

Specification: xares_llm, sections 2 and 3.3. Keys keep upstream's names, so that a file works here and there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from earmark.config.links import Tour
from earmark.config.section import Section
from earmark.config.values import Count, Positive
from earmark.core.errors import UserError
from earmark.data.sources.braces import expanded
from earmark.systems.encoders.datasets import MetricName

ADDRESS = re.compile(r"https?://")
MADE_HERE = re.compile(r"data/(?P<task>[a-z][a-z0-9_]*)/shards/(train|test)-[0-9]{5}-of-[0-9]{5}\.tar")
"""A shard of a task, which the workflow makes where it isn't there."""
CALLED = re.compile(r"[a-z0-9][a-z0-9_.-]*")
"""What a data set may be called: its results are files of that name."""
UPSTREAMS_DECODER = "HuggingFaceTB/SmolLM2-135M"


class Block(Section):
    """Shards of one data set, and what is asked about their clips."""

    data: str | list[str]
    """paths or addresses of tars; braces expand, in local paths `~`, `*`, `?` and `[ ]` too"""

    prompt: str | list[str] = ""
    """what is asked; of a list, one is drawn for every sample"""

    key: str | None = None
    """fields of a sample's JSON that hold its text, `;` between them; the first that has one counts. Behind
    them captions, caption and text are looked at"""

    prob: Positive | None = None
    """weight among the file's data sets; null: its share of their shards"""

    repo_id: str | None = None
    """data set on the Hugging Face hub that `data` are paths in; null: local files or addresses"""

    revision: str = "main"
    """of repo_id: commit, tag or branch; resolved to a commit and recorded"""

    @field_validator("data", "prompt")
    @classmethod
    def _some(cls, given: str | list[str]) -> str | list[str]:
        """Refuse a list of nothing."""
        if given == []:
            raise ValueError("an empty list; give one entry at least")
        return given

    @model_serializer(mode="wrap")
    def _placed(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Return the block; a tour is told the tasks whose shards are made here, and may move local files."""
        content: dict[str, Any] = dump(self)
        tour = info.context
        if self.repo_id is None and isinstance(tour, Tour):
            patterns = [self.data] if isinstance(self.data, str) else self.data
            moved = [_placed(name, tour) for name in patterns]
            content["data"] = moved[0] if isinstance(self.data, str) else moved
        return content


def _placed(name: str, tour: Tour) -> str:
    """Return a pattern of shards as it is found from anywhere, and tell the tour the tasks behind it."""
    made = [found["task"] for each in expanded([name], "data") if (found := MADE_HERE.fullmatch(each))]
    tour.named += [("tasks", task) for task in dict.fromkeys(made)]
    if made or tour.workdir is None or ADDRESS.match(name):
        return name
    return str(tour.workdir / Path(name).expanduser())


class MetricArgs(Section):
    """What a metric has to be told."""

    num_classes: Count | None = None
    """mAP: columns averaged over, whether the answers know them or not"""

    separator: str = Field(default=";", min_length=1)
    """mAP: between the labels of a clip"""


class EvalBlock(Section):
    """One data set that is evaluated."""

    data: Block
    """its shards, and what is asked"""

    metric: MetricName
    """how answers are scored"""

    metric_args: MetricArgs = MetricArgs()
    """what the metric has to be told"""

    batch_size: Count = 32
    """clips answered together, at most"""

    num_workers: int = Field(default=0, ge=0)
    """read and not used: features are files"""

    weight: float = Field(default=1, ge=0)
    """in the overall mean"""


class Training(Section):
    """How the projector and the adapter are trained; upstream's names and defaults, where it has them."""

    max_steps: Count = 10_000
    """optimiser steps"""

    per_device_train_batch_size: Count = 4
    """samples in a step, of all processes together"""

    learning_rate: Positive = 1e-4
    """peak rate; falls linearly to 0"""

    warmup_steps: int = Field(default=200, ge=0)
    """steps up to the peak rate"""

    weight_decay: float = Field(default=0.01, ge=0)
    """of matrices; biases have none"""

    optimizer: Literal["adamw_torch"] = "adamw_torch"
    """AdamW, the only one"""

    max_grad_norm: Positive = 1.0
    """gradients are clipped to this norm"""

    seed: int = Field(default=42, ge=0)
    """of weights, dropout and the order of samples"""

    crop_audio_length: Positive = 30
    """seconds that are kept of a longer training clip: one stretch for each clip, drawn by the seed"""

    sort_by_length: Count = 128
    """samples sorted by length before they are dealt to batches"""

    texts_together: bool = False
    """not upstream's: a step has that many clips, each with all its texts, and goes through each clip once"""

    save_steps: Count = 200
    """steps between saved states that an interrupted training goes on from"""


class Unused(Section):
    """Keys of upstream that change nothing here: they are read and left."""

    num_training_workers: int = 0
    """features are files: nothing is decoded while training"""

    torch_num_threads: int = 1
    """Snakemake deals out threads"""

    save_total_limit: int = 1
    """one state is kept"""

    logging_steps: int = 100
    """curves have their own density"""

    logging_dir: str = "log"
    """logs lie in logs/"""

    output_dir: str = "experiments/"
    """results lie in results/encoders/"""


class TrainFile(Training, Unused):
    """A training: its data sets and, where they differ from the defaults, its settings."""

    train_data: dict[str, Block] = Field(min_length=1)
    """data sets by name"""

    decoder_model_name: str | None = None
    """not used: the suite's `decoder` names the language model, and has to where this is not upstream's"""

    def training(self) -> dict[str, Any]:
        """Return what the file says of the training itself, left out what it leaves out."""
        return {
            key: value
            for key, value in self.plain().items()
            if key in Training.model_fields and key in self.model_fields_set
        }


def eval_file(content: Any, where: str) -> dict[str, EvalBlock]:
    """Return the data sets of an evaluation by their names, which upstream starts with ``eval_``.

    Raises:
        UserError: what is wrong, as ``where: name: key: what``.

    """
    found: dict[str, EvalBlock] = {}
    for said, block in _Named.read({"evaluations": content}, where).evaluations.items():
        name = said.removeprefix("eval_").lower()
        if not CALLED.fullmatch(name):
            raise UserError(
                f"{where}: '{said}' cannot be a file's name; use letters, digits, '_', '.' and '-'"
            )
        if name in found:
            raise UserError(
                f"{where}: '{said}': there is another '{name}'; eval_ and capitals tell none apart"
            )
        found[name] = EvalBlock.read(block, f"{where}: {said}")
    return found


class _Named(Section):
    evaluations: dict[str, dict[str, Any]] = Field(min_length=1)
