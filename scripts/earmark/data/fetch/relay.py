"""A relay on loopback through which ffmpeg reads from the web: it learns no address, header or cookie.

What ffmpeg is given as an argument stands in the process list, and headers it is given go to every
host that a redirect or a playlist names. Here it is given loopback addresses that mean nothing
elsewhere; the requests behind them are yt-dlp's own, with its rules on which host gets which cookie,
its proxy and its certificates. Addresses inside HLS playlists are replaced in the same way.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urljoin, urlsplit

from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import YoutubeDLError

PLAYLIST = b"#EXTM3U"
MAX_PLAYLIST_BYTES = 16 << 20
MAX_ADDRESSES = 200_000
"""A day of audio in segments of two seconds has a fifth of that."""
BLOCK = 1 << 16
PASSED_ON = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges")
SECRET_HEADERS = frozenset(("authorization", "cookie", "proxy-authorization"))


class Relay:
    """Serves what lies behind one address, and behind those that its playlists name.

    ``open_`` makes a request, as :meth:`yt_dlp.YoutubeDL.urlopen` does; ``headers`` are sent along
    with every request, those that are secrets only to the address's own host. ``error`` is the last
    one of a request.
    """

    def __init__(self, url: str, headers: dict[str, str], open_: Callable[[Request], Any]) -> None:
        self.error: Exception | None = None
        self._open, self._headers, self._origin = open_, headers, _origin(url)
        # Whoever is on this machine can connect; the folder's name is what they can't know.
        self._folder = secrets.token_urlsafe(16)
        self._numbers: dict[str, int] = {}
        self._addresses: list[str] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = self._address(url)
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        """Stop serving; answers under way end with ffmpeg's connections."""
        self._server.shutdown()
        self._server.server_close()

    def _address(self, url: str) -> str:
        """Return what stands for an address here; of its own only the suffix is left."""
        suffix = re.search(r"\.[A-Za-z0-9]{1,5}$", urlsplit(url).path)
        with self._lock:
            # A playlist is asked for more than once.
            number = self._numbers.setdefault(url, len(self._addresses))
            if number == len(self._addresses):
                self._addresses.append(url)
        port = self._server.server_port
        return f"http://127.0.0.1:{port}/{self._folder}/{number}{suffix[0] if suffix else ''}"

    def _known(self, path: str) -> str | None:
        """Return the address that a path here stands for."""
        match = re.fullmatch(rf"/{re.escape(self._folder)}/(\d{{1,9}})(\.\w+)?", path)
        with self._lock:
            return self._addresses[int(match[1])] if match and int(match[1]) < len(self._addresses) else None

    def _request(self, url: str, wanted: str | None) -> Request:
        headers = {"Accept-Encoding": "identity"} | {
            name: value
            for name, value in self._headers.items()
            if name.lower() not in SECRET_HEADERS or _origin(url) == self._origin
        }
        return Request(url, headers=headers | ({"Range": wanted} if wanted else {}))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def do_GET(self) -> None:
                url = relay._known(self.path)
                if url is None:
                    self.send_error(404)
                else:
                    relay._answer(self, url)

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, url: str) -> None:
        """Fetch what ffmpeg asked for and pass it on; a refusal is passed on as its status."""
        try:
            answer = self._open(self._request(url, request.headers.get("Range")))
        except Exception as error:
            # Whoever runs ffmpeg says what became of it.
            self.error = error
            status = error.status if isinstance(error, HTTPError) else 502
            request.send_error(status if 400 <= status < 600 else 502)
            return
        with contextlib.closing(answer):
            blocks = self._blocks(answer)
            first = next(blocks, b"")
            if first.startswith(PLAYLIST):
                self._playlist(request, answer.url, first, blocks)
                return
            request.send_response(answer.status)
            encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
            for name in PASSED_ON:
                # Unpacked on the way, its length and ranges are others.
                if name in answer.headers and not (encoded and name != "Content-Type"):
                    request.send_header(name, answer.headers[name])
            request.end_headers()
            request.wfile.write(first)
            for block in blocks:
                request.wfile.write(block)

    def _blocks(self, answer: Any) -> Iterator[bytes]:
        """Yield an answer's body; one that breaks off just ends, as ffmpeg would see it."""
        try:
            while block := answer.read(BLOCK):
                yield block
        except YoutubeDLError as error:
            self.error = error  # said by whoever runs ffmpeg, if it fails for it

    def _playlist(
        self, request: BaseHTTPRequestHandler, base: str, first: bytes, blocks: Iterator[bytes]
    ) -> None:
        """Answer with a playlist whose addresses lead here."""
        content = bytearray(first)
        while len(content) <= MAX_PLAYLIST_BYTES and (block := next(blocks, b"")):
            content += block
        lines = content.decode(errors="replace").splitlines()
        if len(content) > MAX_PLAYLIST_BYTES or len(lines) + len(self._addresses) > MAX_ADDRESSES:
            self.error = YoutubeDLError("a playlist without end")
            request.send_error(502)
            return
        text = "".join(f"{self._line(line.strip(), base)}\n" for line in lines).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/vnd.apple.mpegurl")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def _line(self, line: str, base: str) -> str:
        """Return a line of a playlist with the addresses in it replaced."""
        if line.startswith("#"):
            return re.sub(r'\bURI="([^"]*)"', lambda m: f'URI="{self._replaced(m[1], base)}"', line)
        return self._replaced(line, base) if line else ""

    def _replaced(self, reference: str, base: str) -> str:
        """Return the address here of what a playlist refers to; what is no web address leads nowhere."""
        if reference.startswith("data:"):
            return reference
        url = urljoin(base, reference)
        return self._address(url) if urlsplit(url).scheme in ("http", "https") else ""


class _Server(ThreadingHTTPServer):
    """ffmpeg hangs up whenever it has enough, which is no error."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None: ...


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host, with its port, of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
