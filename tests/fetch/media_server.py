"""A threaded web server on loopback that serves media and faults, and counts what it is asked for.

Behaviours are attached to paths: ``server.add("/a.wav", content)``, then
``server.fault("/a.wav", status=429, headers={"Retry-After": "1"}, times=2)``. The media are made by
ffmpeg from audio the tests bring.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import soundfile

from earmark.audio import containers as ffmpeg

TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "mp4": "video/mp4",
    "html": "text/html",
    "csv": "text/csv",
    "m3u8": "application/vnd.apple.mpegurl",
    "ts": "video/mp2t",
}
CODECS = {
    "mp3": ["-c:a", "libmp3lame"],
    "m4a": ["-c:a", "aac"],
    "webm": ["-c:a", "libopus"],
    "wav": ["-c:a", "copy"],
}


def tone(seconds: float, rate: int = 32000, seed: int = 0) -> np.ndarray:
    """Whole 16-bit samples, [samples]: a sweep in noise, so that no two stretches are the same."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * (200 + 40 * seed + 30 * t) * t) + rng.normal(0, 0.05, len(t))
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


def media(folder: Path, samples: np.ndarray, rate: int, kind: str) -> bytes:
    """Samples as a media file of a kind, encoded by ffmpeg."""
    source = folder / "source.wav"
    soundfile.write(source, samples, rate, subtype="PCM_16")
    if kind == "wav":
        return source.read_bytes()
    target = folder / f"made.{kind}"
    command = [ffmpeg.executable(), "-y", "-loglevel", "error", "-i", str(source), *CODECS[kind], str(target)]
    subprocess.run(command, check=True)
    return target.read_bytes()


@dataclass
class Fault:
    """What a path does instead of serving its content, ``times`` times (None: for ever).

    ``after`` requests are answered well before.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    stall_s: float = 0
    drip_s: float = 0
    cut: float | None = None
    times: int | None = None
    after: int = 0


class _Quiet(ThreadingHTTPServer):
    """Clients that hang up are part of the tests."""

    daemon_threads = True
    # Of the usual five waiting connections the sixth would be tried again a second later.
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None: ...


class MediaServer:
    """The server; ``requests`` counts by path, ``times`` holds when each was asked."""

    def __init__(self, latency_s: float = 0, host: str = "127.0.0.1") -> None:
        self.requests: Counter[str] = Counter()
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.headers: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        self.latency_s = latency_s
        self._content: dict[str, tuple[bytes, str]] = {}
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._http = _Quiet((host, 0), self._handler())
        self.url = f"http://{host}:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=[0.05], daemon=True).start()

    def add(self, path: str, content: bytes, content_type: str | None = None) -> str:
        """Serve content at a path (unquoted); returns its address."""
        kind = path.rpartition(".")[2]
        self._content[path] = content, content_type or TYPES.get(kind, "application/octet-stream")
        return self.url + path

    def content(self, path: str) -> bytes:
        """Return what is served at a path."""
        return self._content[path][0]

    def fault(self, path: str, **what) -> None:
        """Let a path misbehave."""
        self._faults[path] = Fault(**what)

    def mend(self, path: str) -> None:
        """Let a path behave again."""
        self._faults.pop(path, None)

    def asked(self, *paths: str) -> int:
        """Requests for these paths, or for all."""
        with self._lock:
            return sum(self.requests[path] for path in paths) if paths else self.requests.total()

    def close(self) -> None:
        """Stop serving; handlers that stall are let go."""
        self._ended.set()
        self._http.shutdown()
        self._http.server_close()

    def _note(self, path: str, headers: dict[str, str]) -> Fault | None:
        with self._lock:
            self.requests[path] += 1
            self.times[path].append(time.time())
            self.headers[path].append(headers)
            fault = self._faults.get(path)
            if fault is not None and fault.after:
                fault.after -= 1
                return None
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._faults[path]
            return fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_) -> None: ...

            def do_GET(self) -> None:
                with contextlib.suppress(ConnectionError):
                    server._serve(self)

        return Handler

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(request.path.partition("?")[0])
        fault = self._note(path, dict(request.headers)) or Fault()
        self._ended.wait(self.latency_s)
        if fault.stall_s:
            self._ended.wait(fault.stall_s)
            request.close_connection = True
            return
        content, kind = self._content.get(path, (b"not here", "text/html"))
        status = fault.status if path in self._content or fault.status != 200 else 404
        body = content if fault.body is None else fault.body
        headers = {"Content-Type": kind, "Accept-Ranges": "bytes", **fault.headers}
        wanted = request.headers.get("Range")
        if status == 200 and fault.body is None and wanted and wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first or 0), min(int(last or len(body) - 1), len(body) - 1)
            if start > end:
                status, body = 416, b""
            else:
                headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
                status, body = 206, body[start : end + 1]
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if fault.cut is not None:
            request.wfile.write(body[: int(len(body) * fault.cut)])
            request.close_connection = True
        elif fault.drip_s:
            for i in range(len(body)):
                request.wfile.write(body[i : i + 1])
                request.wfile.flush()
                if self._ended.wait(fault.drip_s):
                    return
        else:
            request.wfile.write(body)


@contextlib.contextmanager
def serving(latency_s: float = 0, host: str = "127.0.0.1") -> Iterator[MediaServer]:
    """A server for the length of a block."""
    server = MediaServer(latency_s, host)
    try:
        yield server
    finally:
        server.close()
