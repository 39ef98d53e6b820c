"""Shards come from the hub and from addresses, through the real clients and servers on loopback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections import namedtuple

import pytest
import warm
from hub_server import Hub, Repo
from media_server import serving

from earmark.core import disk
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.systems.encoders import fetch
from earmark.systems.encoders.asked import FetchJob
from earmark.systems.encoders.origin import Origin, origin_of

INSIDE = "ESC-50/train/esc50_fold_1_0000000.tar.gz"


def noise(count: int) -> bytes:
    """Bytes that no compression shrinks, the same each time."""
    return hashlib.shake_256(b"shard").digest(count)


@pytest.fixture
def hub():
    server = Hub()
    yield server
    server.close()


@pytest.fixture
def repo(hub) -> Repo:
    hub.repos["owner/shards"] = repo = Repo()
    repo.commit({INSIDE: noise(5000), "ESC-50/test/esc50_fold_5_0000000.tar.gz": noise(400)})
    return repo


class Shards:
    """Runs scripts/encoder_shard.py as the rule does."""

    def __init__(self, folder, address):
        self.folder, self.output = folder, folder / "xares_data" / INSIDE
        names = ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET")
        self.environment = {key: value for key, value in os.environ.items() if key not in names}
        self.environment |= {"HF_ENDPOINT": address, "HF_HOME": str(folder / "hf")}

    def __call__(self, **changes) -> subprocess.CompletedProcess[str]:
        asked = {"repo": "owner/shards", "revision": "main", "inside": INSIDE, "address": ""} | changes
        script = [warm.python(), str(SCRIPTS / "encoder_shard.py"), "--settings", json.dumps(asked)]
        return subprocess.run(
            [*script, "--output", str(self.output.relative_to(self.folder))],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )


@pytest.fixture
def shards(tmp_path, hub) -> Shards:
    return Shards(tmp_path, hub.url)


def test_a_shard_lands_at_its_path_alone_and_its_commit_is_kept(shards, hub, repo):
    done = shards()
    assert done.returncode == 0, done.stdout
    assert shards.output.read_bytes() == noise(5000) and hub.fetched() == {INSIDE}
    commit = repo.branches["main"]
    assert f"'main' is commit {commit}" in done.stdout
    assert origin_of(shards.output) == Origin(hashlib.sha256(noise(5000)).hexdigest(), commit)


def test_a_pinned_commit_stays_where_the_branch_moves(shards, repo):
    first = repo.branches["main"]
    repo.commit({INSIDE: noise(10)})
    assert shards(revision=first).returncode == 0
    assert shards.output.stat().st_size == 5000 and origin_of(shards.output).commit == first


def test_a_download_that_was_cut_goes_on_where_it_stopped(shards, hub, repo):
    # The client writes what it has got in blocks of 10 MB.
    content = noise(11_500_000)
    repo.commit({INSIDE: content})
    repo.abort_once[INSIDE] = 11_000_000
    done = shards()
    assert done.returncode == 0, done.stdout
    assert hub.ranges == [f"bytes={10 << 20}-"] and shards.output.read_bytes() == content


def test_a_shard_with_another_checksum_is_removed_and_said_in_one_line(shards, repo):
    repo.damaged[INSIDE] = 9
    done = shards()
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert "is not the file that the hub lists; it was removed: try again later" in done.stdout
    assert not shards.output.exists()
    repo.damaged.clear()
    assert shards().returncode == 0 and shards.output.read_bytes() == noise(5000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inside": "ESC-50/train/no.tar.gz"}, "has no file ESC-50/train/no.tar.gz; set revision"),
        ({"revision": "v9"}, "the hub knows no revision 'v9'"),
        ({"repo": "owner/none"}, "no such repository at the hub"),
    ],
)
def test_what_the_hub_does_not_have_is_said_in_one_line(shards, repo, changes, said):
    done = shards(**changes)
    assert done.returncode == 1 and said in done.stdout.splitlines()[-1] and "Traceback" not in done.stdout


def test_a_shard_at_an_address_goes_on_after_a_cut(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w"):
        pass
    output = tmp_path / "xares_data" / "a" / "b" / "mine.tar"
    with serving() as server:
        address = server.add("/a/b/mine.tar", content.getvalue())
        server.fault("/a/b/mine.tar", cut=0.5, times=1)
        asked = FetchJob(repo=None, revision="", inside="", address=address)
        with pytest.raises(
            UserError, match=f"^a suite's data: {address} is out of reach .*again to go on, or put it at "
        ):
            fetch.run(asked, output)
        fetch.run(asked, output)
        assert server.headers["/a/b/mine.tar"][1]["Range"] == f"bytes={len(content.getvalue()) // 2}-"
    assert output.read_bytes() == content.getvalue()
    assert origin_of(output) == Origin(hashlib.sha256(content.getvalue()).hexdigest(), "")


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage(10, 9, 1))
    with pytest.raises(UserError, match=r"the shard a.tar needs 7.5 MB, 0.0 MB are free; make space, or set"):
        fetch.check_room(tmp_path, "a.tar", 7_500_000)
