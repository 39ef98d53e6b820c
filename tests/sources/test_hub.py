"""Data sets on the hub, through the real client and a server on loopback: pinned, whole, no secrets told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile

import pytest
import warm
from hub_server import Repo
from made import tone

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.core.records import read_manifest
from earmark.data.sources.hub import snapshot

TOKEN = "hf_secretsecretsecret"

LIST = b"file,label,split\nwav/a.wav,low,train\nwav/b.wav,high,test\n"
FILES = {
    ".gitattributes": b"*.wav filter=lfs\n",
    "README.md": b"---\nlicense: cc0-1.0\n---\n",
    "list.csv": LIST,
    "other/huge.wav": tone(2),
    "other/[x].wav": tone(2, 100),
    "wav/a.wav": tone(1, 300),
    "wav/b.wav": tone(1, 600),
}
ALLOW = ["list.csv", "wav/*"]


@pytest.fixture
def repo(hub) -> Repo:
    hub.repos["owner/set"] = repo = Repo()
    repo.commit(FILES)
    return repo


def source(**hub) -> dict:
    return {
        "kind": "list",
        "lists": "list.csv",
        "columns": {"split": "split"},
        "hub": {"repo": "owner/set", "allow": ALLOW} | hub,
    }


def error(done) -> str:
    """The last line, which must be the only word about it."""
    assert done.returncode == 1 and "Traceback" not in done.stdout, done.stdout
    return done.stdout.splitlines()[-1]


def test_only_what_is_needed_comes_down_and_its_commit_is_recorded(download, hub, repo):
    out = download(**source(allow=[*ALLOW, "other/[x].wav"])).stdout
    clips = read_manifest(download.output)
    assert [(c.clip_id, c.labels, c.duration_s) for c in clips] == [
        ("wav/a.wav", ["low"], 1.0),
        ("wav/b.wav", ["high"], 1.0),
    ]
    assert {c.origin for c in clips} == {f"hub:owner/set@{repo.branches['main']}"}
    assert hub.fetched() == {"list.csv", "wav/a.wav", "wav/b.wav", "other/[x].wav"}
    assert repo.branches["main"] in out, "the commit to pin is said"


def test_a_commit_stays_where_a_branch_moves(download, hub, repo):
    first = repo.branches["main"]
    second = repo.commit(FILES | {"wav/a.wav": tone(2, 300)})
    for revision, commit, seconds in (("main", second, 2.0), (first, first, 1.0)):
        download(**source(revision=revision))
        clips = read_manifest(download.output)
        assert ({c.origin for c in clips}, clips[0].duration_s) == ({f"hub:owner/set@{commit}"}, seconds)


def test_a_broken_line_is_resumed_by_range(download, hub, repo):
    # The client writes what it has got in blocks of 10 MB.
    repo.commit(FILES | {"wav/a.wav": tone(360, 300, rate=16000)})
    repo.abort_once["wav/a.wav"] = 11_000_000
    download(**source())
    assert hub.ranges == [f"bytes={10 << 20}-"]
    assert [clip.duration_s for clip in read_manifest(download.output)] == [360.0, 1.0]


def test_a_second_run_fetches_and_checks_nothing_again(download, hub, repo):
    download(**source())
    hub.requests.clear()
    out = download(**source()).stdout
    assert not hub.fetched() and "checking" not in out


def test_a_file_damaged_on_the_way_is_fetched_again(download, hub, repo):
    repo.damaged["wav/b.wav"] = 1
    assert "wav/b.wav is damaged; fetching it again" in download(**source()).stdout
    assert [clip.reason for clip in read_manifest(download.output)] == ["", ""]


def test_a_chunk_store_is_left_alone_unless_it_is_asked_for(download, hub, repo):
    repo.xet = "http://127.0.0.1:9"
    download.environment |= {
        "HF_HUB_DISABLE_XET": "0",
        "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1",
        "HF_TOKEN": TOKEN,
    }
    line = error(download(check=False, **source()))
    assert "owner/set: the hub's chunk store fails; try again, or leave HF_HUB_DISABLE_XET unset" in line
    assert TOKEN not in line
    del download.environment["HF_HUB_DISABLE_XET"]
    download(**source())
    assert all(clip.ok for clip in read_manifest(download.output))


@pytest.mark.parametrize("name", ["wav/b.wav", "list.csv"])
def test_a_file_that_stays_damaged_is_not_used(download, hub, repo, name):
    repo.damaged[name] = 2
    done = download(check=False, **source())
    assert f"{name} does not have the checksum the hub lists" in error(done)
    assert not download.output.exists()
    hub.requests.clear()
    download(**source())
    assert all(clip.ok for clip in read_manifest(download.output))
    assert hub.fetched() == {name}, "what was damaged is out of the cache, and nothing else"


def test_offline_the_cache_is_enough_or_that_it_is_not_is_said(download, hub, repo):
    download(**source())
    first = download.output.read_bytes()
    hub.requests.clear()
    download.environment["HF_HUB_OFFLINE"] = "1"
    download(**source())
    assert download.output.read_bytes() == first and not hub.requests
    line = error(download(check=False, **source(allow=["list.csv", "other/[x].wav"])))
    assert "out of reach" in line and "data.source.root" in line


def test_out_of_reach_is_said_in_a_line(download, hub, repo):
    download.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert "the hub is out of reach" in error(download(check=False, **source()))


REFUSALS = [
    ({"gated": True}, "main", ["list.csv"], "access is gated; accept its terms"),
    ({"private": True}, "main", ["list.csv"], "no such repository at the hub, or HF_TOKEN lacks access"),
    ({"refuse_token": True}, "main", ["list.csv"], "the hub refuses the token; renew HF_TOKEN"),
    ({}, "v9", ["list.csv"], "the hub knows no revision 'v9'"),
    ({}, "0" * 40, ["list.csv"], "the hub knows no revision '0000"),
    ({}, "main", ["list.csv", "wave/*"], "no file matches 'wave/*'; nearest: wav/"),
    ({}, "main", ["a_{1..3.csv"], "data.source.hub.allow: a brace is not closed"),
    (None, "main", ["list.csv"], "no such repository"),
]


def test_a_name_that_no_repository_can_have_is_said(tmp_path):
    with pytest.raises(UserError, match="a--b: no repository can have this name"):
        snapshot("a--b", "main", ["*"], tmp_path / "checked.json")


def test_a_cache_that_cannot_be_written_is_named(download, hub, repo):
    (download.folder / "file").write_text("")
    download.environment["HF_HOME"] = str(download.folder / "file/hf")
    assert "Not a directory; HF_HOME says where" in error(download(check=False, **source()))


ASK = """
import json, pathlib, sys
from earmark.core.errors import UserError
from earmark.data.sources.hub import snapshot
for repo, revision, allow in json.loads(sys.argv[1]):
    try:
        snapshot(repo, revision, allow, pathlib.Path("checked.json"))
        print("error: none")
    except UserError as error:
        print(f"error: {error}")
"""


def test_refusals_are_one_line_with_the_fix_and_no_token(download, hub):
    asked = []
    for number, (state, revision, allow, _) in enumerate(REFUSALS):
        if state is not None:
            hub.repos[f"owner/set{number}"] = repo = Repo(**state)
            repo.commit(FILES)
        asked.append((f"owner/set{number}", revision, allow))
    done = subprocess.run(
        [warm.python(), "-c", ASK, json.dumps(asked)],
        env=os.environ | download.environment | {"HF_TOKEN": TOKEN, "PYTHONPATH": str(SCRIPTS)},
        cwd=download.folder,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert [message in line for line, (*_, message) in zip(lines, REFUSALS)] == [True] * 8, lines
    assert all(f"owner/set{number}" in line or "brace" in line for number, line in enumerate(lines))
    assert f"Bearer {TOKEN}" in hub.tokens and TOKEN not in done.stdout + done.stderr
    assert not hub.fetched()


def test_too_many_requests_are_waited_for_or_said(download, hub, repo):
    repo.busy["wav/a.wav"] = 1
    download(**source())
    repo.busy["info"] = 99
    assert "too many requests (429); run the same command again in 1 s" in error(
        download(check=False, **source())
    )


def test_the_token_is_in_nothing_that_is_written(download, hub, repo):
    download.environment["HF_TOKEN"] = TOKEN
    out = download(**source()).stdout
    assert f"Bearer {TOKEN}" in hub.tokens, "the hub must see it"
    assert TOKEN not in out
    for path in download.folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_list_on_the_hub_reaches_no_file_outside(download, hub, repo):
    repo.commit(FILES | {"list.csv": LIST + b"../../../../../hub.csv,low,train\n"})
    download("--max-failed-share", "0.5", **source())
    assert read_manifest(download.output)[-1].reason == "leads out of the folder"
    download.environment["HF_HUB_OFFLINE"] = "0"
    done = download(check=False, **(source() | {"absolute": True}))
    assert "can't name files of this machine" in error(done)


def shard(number: int) -> bytes:
    """A tar.gz of one sample."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in (("k.wav", tone(1 + number)), ("k.json", b'{"genre": "jazz"}')):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_without_patterns_a_kind_asks_for_what_its_settings_name(download, hub, repo):
    shards = {f"GTZAN/test/fold_{n}.tar.gz": shard(n) for n in range(4)}
    commit = repo.commit(FILES | shards)
    splits = {"train": "GTZAN/test/fold_{0..1}.tar.gz", "test": "GTZAN/test/fold_3.tar.gz"}
    download(kind="tars", splits=splits, key="genre", hub={"repo": "owner/set", "revision": commit})
    assert hub.fetched() == {f"GTZAN/test/fold_{n}.tar.gz" for n in (0, 1, 3)}
    clips = read_manifest(download.output)
    assert [(c.split, c.labels) for c in clips] == [("train", ["jazz"])] * 2 + [("test", ["jazz"])]
