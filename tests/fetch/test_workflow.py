"""Fetching through real Snakemake on a private copy of the workflow."""

from __future__ import annotations

import copy
import hashlib
import subprocess
import tarfile
import time

import psutil
import pytest
from media_server import MediaServer, media, serving, tone
from shard import CLASSES
from workflow import SMALL, Workflow

from earmark.core.records import read_manifest

NAMES = [f"rec{i}" for i in range(10)] + ["gone", "page"]
# The second of two shards: the last six names.
FETCHED = "data/loop/fetched/test-00001-of-00002.parquet"
TARGETS = [f"data/loop/shards/test-00001-of-00002.{kind}" for kind in ("tar", "parquet")]


def settings(server: MediaServer, sample_rate: int = 32000, **network) -> dict:
    """The small configuration with a task on the server."""
    config = copy.deepcopy(SMALL) | {"grid": [], "prefill": []}
    config["fetch"] = {"requests_per_hour": None, "workers": 2, "timeout_s": 5, "retries": 0} | network
    source = {"kind": "youtube", "lists": {"test": "list.csv"}, "classes": "classes.csv"}
    config["tasks"]["loop"] = {
        "title": "Loopback",
        "data": {
            "source": source | {"url": f"{server.url}/{{id}}.webm"},
            "fetch": {"sample_rate": sample_rate},
            "segment": {"test": {"kind": "whole"}},
            "shards": {"test": 2},
            "sample_rate": 16000,
            "max_failed_share": 0.5,
        },
    }
    return config


def prepared(folder, server: MediaServer, **network) -> Workflow:
    """A workflow in a new folder whose task is on the server."""
    folder.mkdir()
    flow = Workflow(folder)
    lines = [f'{name}, 0.500, 1.500, "/m/a"\n' for name in NAMES]
    (folder / "list.csv").write_text("# 1\n# 2\n# 3\n" + "".join(lines))
    (folder / "classes.csv").write_text(CLASSES)
    flow.configure(settings(server, **network))
    return flow


def digests(flow: Workflow) -> dict[str, str]:
    """Hashes of all that was made."""
    names = [*TARGETS, FETCHED, "data/loop/recordings.parquet"]
    return {name: hashlib.sha256((flow.folder / name).read_bytes()).hexdigest() for name in names}


def killed(flow: Workflow, rows: int) -> set[str]:
    """Run, kill everything once the ledgers hold some rows; returns the paths of finished clips."""
    with subprocess.Popen(
        flow.command("-j1", "--nolock", *TARGETS),
        cwd=flow.folder,
        env=flow.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        ledgers = flow.folder / ".earmark/fetch/loop"
        while sum(path.read_bytes().count(b"\n") for path in ledgers.glob("*/ledger.jsonl")) < rows:
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        processes = psutil.Process(running.pid).children(recursive=True)
        for process in [running, *processes]:
            process.kill()
        psutil.wait_procs(processes, timeout=10)
    text = b"".join(path.read_bytes() for path in ledgers.glob("*/ledger.jsonl"))
    return {name for name in NAMES if f'"Y{name}_500"'.encode() in text}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(latency_s=0.05) as running:
        for number, name in enumerate(NAMES):
            made = media(tmp_path_factory.mktemp(name), tone(2, 48000, seed=number), 48000, "webm")
            running.add(f"/{name}.webm", made)
        running.fault("/gone.webm", status=410)
        running.fault("/page.webm", body=b"<html></html>", headers={"Content-Type": "text/html"})
        yield running


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory) -> Workflow:
    """The workflow after a run that nobody interrupted."""
    flow = prepared(tmp_path_factory.mktemp("whole") / "flow", server)
    flow.run("-j2", *TARGETS)
    return flow


def test_a_killed_shard_goes_on_without_asking_twice_and_ends_in_the_same_bytes(
    server, undisturbed, tmp_path
):
    flow = prepared(tmp_path / "flow", server, workers=1)
    finished = killed(flow, rows=2)
    assert 2 <= len(finished) < 6
    before = {name: server.asked(f"/{name}.webm") for name in finished}
    flow.run("-j1", *TARGETS)
    assert {name: server.asked(f"/{name}.webm") for name in finished} == before
    assert digests(flow) == digests(undisturbed)
    index = read_manifest(flow.folder / TARGETS[1])
    assert [clip.clip_id for clip in index if clip.ok] == [f"Y{name}_500" for name in NAMES[6:10]]
    with tarfile.open(flow.folder / TARGETS[0]) as tar:
        packed = [name for name in tar.getnames() if name.endswith(".flac")]
    assert packed == [f"{clip.key}.flac" for clip in index if clip.ok]
    # The first half of the list is the other shard's.
    assert not any(server.requests[f"/{name}.webm"] for name in NAMES[:6])


def test_the_pace_makes_nothing_stale_and_what_is_kept_does(server, undisturbed):
    undisturbed.configure(settings(server, requests_per_hour=7, workers=3, hours="22:00-06:00"))
    assert undisturbed.would_make(*TARGETS) == set()
    undisturbed.configure(settings(server, sample_rate=24000))
    made = undisturbed.would_make(*TARGETS)
    assert FETCHED in made and set(TARGETS) <= made and "data/loop/recordings.parquet" not in made
