"""The keys of the configuration that no system owns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from earmark.config.section import Section
from earmark.config.values import DEVICE, HOURS, Count, ModelName, Positive, Share, TaskName


class Fetch(Section):
    """How fetched data is reached; no result depends on it, so changing it makes nothing stale."""

    workers: int = Field(default=4, ge=1)
    """items fetched at once by one shard's job"""

    requests_per_hour: Positive | None = 300
    """items asked of one host per hour by all shards together; null: no limit"""

    retries: int = Field(default=3, ge=0)
    """further tries of one item in one run, with back-off that honours Retry-After"""

    backoff_s: Positive = 2
    """wait before the second try, doubling with every further one, where the server names none"""

    timeout_s: Positive = 30
    """silence on a connection that counts as a stall"""

    item_deadline_s: Positive = 600
    """time one item may take in one run"""

    max_item_mb: Positive = 2000
    """what one item may send, unpacked (10^6 bytes)"""

    max_list_mb: Positive = 1000
    """what a list or a table of classes may send, unpacked (10^6 bytes)"""

    list_deadline_s: Positive = 1800
    """time a list or a table of classes may take"""

    stop_after_limited: Count = 10
    """rate limits or bot checks in a row after which a job stops for now"""

    hours: str | None = Field(default=None, pattern=HOURS)
    """local hours in which to fetch, as 22:00-06:00; outside them a job stops for now"""

    section_above_s: float = Field(default=900, ge=0)
    """only the wanted section is fetched of longer recordings; shorter ones come whole and are cut here"""

    cookies: str | None = None
    """cookies file in Netscape format; read, never written or stored"""

    proxy: str | None = None
    """http, https or socks address of a proxy; one with a password is better given by the environment
    variable https_proxy"""

    js_runtimes: dict[Literal["deno", "node", "bun", "quickjs"], str | None] = {}
    """passed to yt-dlp: runtime -> path, or null to find it on the PATH"""

    extractor_args: dict[str, Any] = {}
    """passed to yt-dlp: extractor -> option -> list of values"""


class Features(Section):
    """How the audio of a task is encoded."""

    batch_audio_s: Positive = 120
    """seconds of audio encoded together"""

    states: Literal["kept", "temporary", "through"] = "kept"
    """kept: encoder states stay on the disk; temporary: until all that this run makes of them is made;
    through: the job that answers questions encodes by itself, and nothing is stored (docs/staleness.md)"""


class Evaluate(Section):
    """How questions are answered and scored."""

    batch_audio_s: Positive = 240
    """seconds of audio answered together"""

    warm_up: int = Field(default=1, ge=0)
    """rows run and discarded before the clock starts"""

    max_failed_share: Share = 0.02
    """share of samples that may fail"""

    bootstrap: int = Field(default=2000, ge=100)
    """resamples behind each interval"""


class Import(Section):
    """Results of another program."""

    kind: Literal["audiomarathon", "xares_llm"]
    """audiomarathon: result files (JSON) of its public code; xares_llm: scores.tsv or score_<task>.yaml"""

    path: str = Field(min_length=1)
    """a file, or many by * and **"""

    task: str | None = None
    """our name of the task, where the file's own is not to be used"""

    model: str | None = None
    """name of the model, where the file's own is not to be used"""

    device: str | None = None
    """what it ran on; the files do not say"""


class Report(Section):
    """What the page shows."""

    wrong_answers: int = Field(default=20, ge=0)
    """wrong answers shown of one task, model and device"""

    audio_mb: float = Field(default=2, ge=0, le=6)
    """audio in the page, megabytes in all (10^6 bytes); 0: none"""

    audio_s: Positive = 10
    """length of an excerpt, seconds from the clip's start"""

    columns: dict[str, list[str]] = {}
    """of tables as files: by name, or by a pattern of names like `paper-pruning-*`, the columns they have,
    in this order; `[all]`: every one"""

    column_mm: float = Field(default=85, ge=40, le=400)
    """width of plots as files that fill one column of a paper"""

    page_mm: float = Field(default=175, ge=40, le=400)
    """width of plots as files that fill both"""


class Config(Section):
    """The configuration: what every system reads, and the keys that each system adds."""

    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """of data splits, answer options, random reduction and bootstraps"""

    device: str = Field(default="auto", pattern=DEVICE)
    """auto, cpu, cuda or cuda:N"""

    profile: str = "default"
    """wording of the prompts: default, or a profile that tasks define (reference_dart, reference_others)"""

    default_model: str
    """model behind results/{task}_{method}_{ratio}.json"""

    self_contained: bool = False
    """this file says everything: config/config.yaml and the YAML files of config/ are not read
    (docs/reproduce.md)"""

    versions: Literal["record", "rerun"] = "record"
    """other versions of packages that make numbers: record them and compare only equal ones, or rerun what
    they are pinned for (docs/staleness.md)"""

    fetch: Fetch = Fetch()
    """how fetched data is reached; no result depends on it, so changing it makes nothing stale"""

    features: Features = Features()
    """how the audio of a task is encoded"""

    evaluate: Evaluate = Evaluate()
    """how questions are answered and scored"""

    imports: list[Import] = Field(default=[], alias="import")
    """results of other programs to lay beside ours in the summary and the report, marked as imported
    (docs/report.md)"""

    report: Report = Report()
    """what the page shows"""

    tasks: dict[TaskName, Any] = {}
    """overrides of config/tasks/*.yaml; a data section whose source names its kind replaces
    the file's as a whole"""

    models: dict[ModelName, Any] = {}
    """overrides of config/models/*.yaml"""
