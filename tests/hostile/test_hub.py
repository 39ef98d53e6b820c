"""What a hub says is checked before huggingface_hub names files by it."""

from __future__ import annotations

import pytest
from downloading import Download
from hub_server import Hub, Repo
from made import tone

SOURCE = {"kind": "list", "lists": "list.csv", "columns": {"split": "split"}}
FILES = {
    "list.csv": b"file,label,split\na.wav,low,train\nb.wav,high,test\n",
    "a.wav": tone(1),
    "b.wav": tone(1, 90),
}


@pytest.fixture
def repo(download: Download, hub: Hub) -> Repo:
    """A data set of two recordings on a mirror that says what it likes."""
    hub.repos["owner/set"] = repo = Repo()
    repo.commit(FILES)
    return repo


def refused(download: Download, word: str) -> bool:
    """Whether the script ends in one line with a word in it, and nothing is named by what the hub said."""
    done = download(**SOURCE, hub={"repo": "owner/set", "allow": ["list.csv", "*.wav"]}, check=False)
    plain = done.returncode == 1 and "Traceback" not in done.stdout
    return plain and word in done.stdout.splitlines()[-1] and not list(download.folder.rglob("*ESCAPED*"))


def test_a_checksum_that_is_a_path_names_no_file(download, repo):
    repo.etag = "../../../../ESCAPED"
    assert refused(download, "gives a file the checksum")


def test_a_commit_that_is_a_path_names_no_file(download, repo):
    repo.sha = "../../../ESCAPED"
    assert refused(download, "names a commit")


def test_a_file_of_another_size_than_listed_is_refused(download, repo, hub, monkeypatch):
    said = hub.file
    monkeypatch.setattr(hub, "file", lambda to, r, c, name, content: said(to, r, c, name, content + b"#"))
    assert refused(download, "and would send")


def test_a_body_without_end_stops_at_the_listed_size(download, repo, hub, monkeypatch):
    said = hub.file

    def longer(to, r, c, name, content):
        said(to, r, c, name, content if to.command == "HEAD" else content + bytes(50_000_000))

    monkeypatch.setattr(hub, "file", longer)
    assert refused(download, "bytes that are listed")


def test_more_than_the_disk_holds_is_refused_before_anything_is_fetched(download, repo, hub, monkeypatch):
    said = hub.json

    def larger(to, content, headers=None):
        for entry in content if isinstance(content, list) else []:
            entry["size"] = 1 << 60
        said(to, content, headers)

    monkeypatch.setattr(hub, "json", larger)
    assert refused(download, "are to be fetched to")
    assert not hub.fetched()


def test_a_mirror_that_says_what_it_should_is_read(download, repo):
    download(**SOURCE, hub={"repo": "owner/set", "allow": ["list.csv", "*.wav"]})
