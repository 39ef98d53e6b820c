"""Suites resolved: which shards are trained on and evaluated, under which settings.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from earmark.config.yaml_files import read_yaml
from earmark.core.errors import UserError, nearest
from earmark.systems.configuration import Settings
from earmark.systems.encoders import presets
from earmark.systems.encoders.blocks import (
    UPSTREAMS_DECODER,
    Block,
    EvalBlock,
    TrainFile,
    Training,
    eval_file,
)
from earmark.systems.encoders.entries import Suite
from earmark.systems.encoders.shard import Shard, home, shards_of
from earmark.systems.encoders.weights import shares

RESERVED = ("scores", "summary")
"""Names of other files beside the results of data sets."""


@dataclass(frozen=True)
class Source:
    """A data set that is trained on."""

    name: str
    block: Block
    shards: tuple[Shard, ...]
    share: float

    @property
    def prompts(self) -> list[str]:
        """What is asked; one of them is drawn for every sample."""
        return [self.block.prompt] if isinstance(self.block.prompt, str) else self.block.prompt


@dataclass(frozen=True)
class Evaluation:
    """A data set that is evaluated."""

    name: str
    block: EvalBlock
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Plan:
    """A suite and everything it names."""

    name: str
    suite: Suite
    training: Training
    sources: tuple[Source, ...]
    evaluations: Mapping[str, Evaluation]


def suite_of(settings: Settings, name: str) -> Suite:
    """Return a suite, or the one that a preset is; raises UserError with the nearest name."""
    settings.check_sound("suites", name)
    known = settings.each(Suite)
    if name not in known and name not in presets.NAMES:
        raise UserError(f"unknown suite '{name}'; {nearest(name, {*known, *presets.NAMES})}")
    return known.get(name) or Suite()


def plan_of(settings: Settings, name: str) -> Plan:
    """Return a suite resolved.

    Raises:
        UserError: an unknown name, a mistake in a file, or local shards that are not there.

    """
    return _planned(name, suite_of(settings, name).model_dump_json(), str(home()), str(Path.cwd()))


def evaluation_of(settings: Settings, suite: str, dataset: str) -> Evaluation:
    """Return a data set that a suite evaluates, or any of the twenty; UserError with the nearest name."""
    found = plan_of(settings, suite).evaluations
    if dataset in found:
        return found[dataset]
    if dataset in presets.DATASETS:
        return _evaluation(dataset, presets.evaluation(dataset)[dataset], f"preset '{dataset}'")
    raise UserError(f"unknown data set '{dataset}'; {nearest(dataset, {*found, *presets.DATASETS})}")


def shard_named(settings: Settings, name: str) -> Shard:
    """Return the shard whose files are called by a name, or that lies at a path; UserError if none is."""
    found = _shards(settings).get(name)
    if found is None:
        raise UserError(f"no suite names the shard '{name}'; ask for a result, which knows its shards")
    return found


def _shards(settings: Settings) -> Mapping[str, Shard]:
    """Return the shards of every suite that can be resolved, by name and by path."""
    names = (*settings.each(Suite), *(name for name in presets.NAMES if name not in presets.DATASETS))
    found: dict[str, Shard] = {}
    for name in names:
        said = suite_of(settings, name).model_dump_json()
        found |= _shards_of(name, said, str(home()), str(Path.cwd()))
    return found


@lru_cache(128)
def _shards_of(name: str, said: str, place: str, folder: str) -> Mapping[str, Shard]:
    try:
        plan = _planned(name, said, place, folder)
    except UserError:  # said where the suite is asked for
        return {}
    every = [shard for source in plan.sources for shard in source.shards]
    every += [shard for each in plan.evaluations.values() for shard in each.shards]
    return {shard.name: shard for shard in every} | {shard.path: shard for shard in every}


@lru_cache(128)
def _planned(name: str, said: str, place: str, folder: str) -> Plan:
    suite = Suite.model_validate_json(said)
    where = f"suite '{name}'"
    file = _train_file(suite.train or name, where)
    _check_decoder(file, suite, where)
    laid = Training.read({**file.training(), **suite.training}, f"{where}: training")
    if laid.sort_by_length < laid.per_device_train_batch_size:
        raise UserError(
            f"{where}: training: sort_by_length is {laid.sort_by_length}, fewer samples than the "
            f"{laid.per_device_train_batch_size} of a batch; raise it"
        )
    blocks = file.train_data
    shards = [tuple(shards_of(block, f"{where}: train: {each}")) for each, block in blocks.items()]
    drawn = shares(list(blocks.values()), [len(each) for each in shards])
    sources = zip(blocks.items(), shards, drawn, strict=True)
    evaluated = _evaluated(suite.eval or name, where)
    if suite.compat == "xares" and suite.projector.pool * suite.projector.stack != 1:
        raise UserError(f"{where}: compat: xares has one token a frame; leave projector.pool and stack at 1")
    if taken := sorted(set(evaluated) & set(RESERVED)):
        raise UserError(f"{where}: eval: a data set cannot be called '{taken[0]}'; give it another name")
    return Plan(
        name,
        suite,
        laid,
        tuple(Source(each, block, own, share) for (each, block), own, share in sources),
        {each: _evaluation(each, block, f"{where}: eval") for each, block in evaluated.items()},
    )


def _check_decoder(file: TrainFile, suite: Suite, where: str) -> None:
    """Check that a file's language model is not passed over in silence; raises UserError."""
    named, unsaid = file.decoder_model_name, Suite.model_fields["decoder"].default
    if named not in (None, UPSTREAMS_DECODER) and suite.decoder == unsaid:
        raise UserError(
            f"{where}: train: decoder_model_name is '{named}'; set the suite's decoder to a model of "
            "config/models/ with these weights"
        )


def _evaluation(name: str, block: EvalBlock, where: str) -> Evaluation:
    return Evaluation(name, block, tuple(shards_of(block.data, f"{where}: {name}")))


def _train_file(said: str | TrainFile, where: str) -> TrainFile:
    """Return what a suite is trained on: said there, a preset, or a file."""
    if isinstance(said, TrainFile):
        return said
    if said in presets.NAMES:
        return presets.training(said)
    return TrainFile.read(_file(said, f"{where}: train"), said)


def _evaluated(said: str | Mapping[str, Any], where: str) -> dict[str, EvalBlock]:
    """Return what a suite evaluates: said there, a preset, or a file."""
    if not isinstance(said, str):
        return eval_file(dict(said), f"{where}: eval")
    if said in presets.NAMES:
        return presets.evaluation(said)
    return eval_file(_file(said, f"{where}: eval"), said)


def _file(name: str, where: str) -> Any:
    path = Path(name).expanduser()
    if not path.is_file():
        raise UserError(f"{where}: '{name}' is neither a preset nor a file; {nearest(name, presets.NAMES)}")
    return read_yaml(path)
