"""What addresses keep secret stands in no file, no process list, no message and no id."""

from __future__ import annotations

import base64
import contextlib
import copy
import os
import threading
from pathlib import Path

import pytest
from media_server import media, tone
from shard import CLASSES
from workflow import SMALL, Workflow

from earmark.config.settings import Settings
from earmark.core.addresses import hidden, masked, revealed
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.data.fetch.table import local

SECRETS = (b"SECRETPW", b"SECRETSIG", b"SECRETTOKEN")


@pytest.mark.parametrize(
    ("address", "mask"),
    [
        ("https://me:PW@host:8/a.csv", "https://***@host:8/a.csv"),
        ("https://PW@host/a", "https://***@host/a"),
        ("https://host/a?X-Amz-Signature=PW&part=1", "https://host/a?X-Amz-Signature=***&part=1"),
        ("https://host/a?part=1&access_token=PW#x", "https://host/a?part=1&access_token=***#x"),
        ("https://host/a?sig=PW", "https://host/a?sig=***"),
        ("https://www.youtube.com/watch?v={id}", "https://www.youtube.com/watch?v={id}"),
        (
            "said of 'http://u:PW@h:1' twice: http://u:PW@h:1",
            "said of 'http://***@h:1' twice: http://***@h:1",
        ),
        ("me@host and a/b@c", "me@host and a/b@c"),
    ],
)
def test_secrets_are_masked_and_nothing_else(address, mask):
    assert masked(address) == mask and masked(mask) == mask


def test_what_was_hidden_is_put_back_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("EARMARK_ADDRESSES", "{}")
    template = hidden({"url": "http://me:PW@host/{id}.wav?sig=X"})["url"]
    assert template == "http://***@host/{id}.wav?sig=***"
    assert revealed(template.replace("{id}", "a-b")) == "http://me:PW@host/a-b.wav?sig=X"
    assert revealed("http://other/{id}.wav") == "http://other/{id}.wav"


def test_errors_do_not_repeat_a_proxy_s_password():
    for proxy in (["http://u:SECRETPW@h:1"], {"all": "http://u:SECRETPW@h:1"}):
        with pytest.raises(UserError) as told:
            Settings.load({**SMALL, "fetch": {"proxy": proxy}}, ROOT)
        assert "SECRETPW" not in str(told.value)


def _files(folder: Path) -> list[str]:
    """The files that hold a secret, also where Snakemake writes it in base64; config is the user's own."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "small.yaml":
            content = path.read_bytes() + path.name.encode()
            forms = [form for word in SECRETS for form in (word, base64.b64encode(word)[:-4])]
            if any(form in content for form in forms):
                found.append(str(path.relative_to(folder)))
    return found


def _watch(seen: set[str], ended: threading.Event) -> None:
    """Collect the command lines of all processes until told to end."""
    while not ended.wait(0.02):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))


def test_an_address_that_cannot_be_fetched_is_named_without_its_secrets(tmp_path, server):
    server.fault("/list.csv", status=404)
    host = server.url.replace("http://", "http://me:SECRETPW@")
    with pytest.raises(UserError, match="cannot be fetched .HTTP 404.") as told:
        local(f"{host}/list.csv?sig=SECRETSIG", tmp_path, "list.csv", "data.source.lists.test")
    assert not [word for word in SECRETS if word.decode() in str(told.value)]


def test_a_run_leaves_no_secret_behind(tmp_path, server, monkeypatch):
    monkeypatch.delenv("EARMARK_ADDRESSES", raising=False)
    flow = Workflow(tmp_path)
    for number in range(2):
        server.add(f"/rec{number}.wav", media(tmp_path, tone(2, seed=number), 32000, "wav"))
    server.add("/list.csv", b"".join(b'rec%d, 0.5, 1.5, "/m/a"\n' % number for number in range(2)))
    server.add("/classes.csv", CLASSES.encode())
    host = server.url.replace("http://", "http://me:SECRETPW@")
    config = copy.deepcopy(SMALL) | {"grid": [], "prefill": []}
    config["fetch"] = {"requests_per_hour": None, "retries": 0}
    source = {
        "kind": "youtube",
        "lists": {"test": f"{host}/list.csv?sig=SECRETSIG"},
        "classes": f"{host}/classes.csv?access_token=SECRETTOKEN",
        "url": f"{host}/{{id}}.wav?X-Amz-Signature=SECRETSIG",
    }
    config["tasks"]["loop"] = {
        "title": "Loopback",
        "data": {"source": source, "segment": {"test": {"kind": "whole"}}},
    }
    flow.configure(config)
    seen: set[str] = set()
    watching = threading.Event()
    watcher = threading.Thread(target=_watch, args=[seen, watching], daemon=True)
    watcher.start()
    done = flow.run("-j1", "-p", "data/loop/fetched/test-00000-of-00001.parquet")
    watching.set()
    watcher.join()
    assert any("fetch.py" in line for line in seen), "the process list was not seen"
    assert not [line for line in seen for word in SECRETS if word.decode() in line]
    assert server.headers["/rec0.wav"][-1].get("Authorization", "").startswith("Basic ")
    assert not [word for word in SECRETS if word.decode() in done.stdout]
    assert _files(tmp_path) == []
    assert "EARMARK_ADDRESSES" not in os.environ
