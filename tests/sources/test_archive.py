"""A data set that comes as an archive: checked, unpacked safely, fetched on from where it stopped."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from earmark.config.source import Archive
from earmark.core.errors import UserError
from earmark.data.sources.archive import unpacked

LIMITS = {"members": 10, "archive_mb": 1, "member_mb": 1}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def asked(path: Path | None = None, url: str | None = None, sha256: str | None = None, **more) -> Archive:
    where = {"path": None if path is None else str(path), "url": url}
    return Archive.read(where | {"sha256": sha256, "limits": LIMITS} | more, "archive")


def test_a_zip_is_unpacked_once_and_its_folder_named(tmp_path):
    path = zipped(tmp_path / "a.zip", {"set-1/audio/x.wav": b"x"})
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    root, origin = unpacked(asked(path, sha256=sha256, inside="set-1"))
    assert (root / "audio" / "x.wav").read_bytes() == b"x" and origin == f"archive:a.zip@{sha256}"
    path.unlink()
    assert unpacked(asked(path, sha256=sha256, inside="set-1"))[0] == root


def test_of_a_tar_links_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("x.wav")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("y.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    root, _ = unpacked(asked(tmp_path / "a.tar.gz"))
    assert [p.name for p in root.iterdir()] == ["x.wav"]


@pytest.mark.parametrize(
    ("members", "more", "said"),
    [
        ({"../x.wav": b"x"}, {}, "leads out of the folder; nothing was unpacked"),
        ({"/tmp/x.wav": b"x"}, {}, "leads out of the folder"),
        ({f"{i}.wav": b"" for i in range(11)}, {}, "limits.members allows"),
        ({"x.wav": bytes(2_000_000)}, {}, "limits.archive_mb allows"),
        ({"x.wav": b"x"}, {"sha256": "0" * 64}, "config says 000"),
        ({"x.wav": b"x"}, {"inside": "set-2"}, "holds no folder 'set-2'; it holds x.wav"),
        ({"x.wav": b"x"}, {"inside": ".."}, "holds no folder"),
    ],
)
def test_what_does_not_belong_is_refused_in_one_line(tmp_path, members, more, said):
    with pytest.raises(UserError, match=said) as raised:
        unpacked(asked(zipped(tmp_path / "a.zip", members), **more))
    assert "\n" not in str(raised.value) and not (tmp_path / "x.wav").exists()


def test_a_torn_archive_is_damaged(tmp_path):
    path = zipped(tmp_path / "a.zip", {"x.wav": bytes(5000)})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="no zip and no tar"):
        unpacked(asked(path))


@pytest.fixture
def server(tmp_path):
    """Serves one archive, of which the first answer breaks off; returns its address and what was asked."""
    content = zipped(tmp_path / "served.zip", {"x.wav": bytes(range(256)) * 40}).read_bytes()
    ranges = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            start = int((self.headers["Range"] or "bytes=0-")[6:-1])
            ranges.append(start)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : None if start else len(content) // 2])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/served.zip", ranges, content
        serving.shutdown()


def test_a_download_that_broke_off_goes_on_where_it_stopped(server):
    url, ranges, content = server
    with pytest.raises(UserError, match="out of reach.*run the same command again to go on"):
        unpacked(asked(url=url))
    root, origin = unpacked(asked(url=url))
    assert ranges == [0, len(content) // 2]
    assert (root / "x.wav").stat().st_size == 256 * 40
    assert origin == f"archive:{url}@{hashlib.sha256(content).hexdigest()}"
