"""One item from the web to a local file, by yt-dlp; of a long recording the wanted section only."""

from __future__ import annotations

import functools
import io
import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
import yt_dlp
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import DownloadCancelled, DownloadError

from earmark.audio import clock, containers
from earmark.audio.program import executable
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.data.fetch import reasons
from earmark.data.fetch.network import Network
from earmark.data.fetch.reasons import Failure, reason
from earmark.data.fetch.relay import Relay

BLOCK = 1 << 20
MARGIN_S = 1.0
"""Fetched before a section: a decoder needs a run-up."""
CLOCKED = ("webm", "mkv", "mka", "mp4", "m4a", "flv", "wma", "asf")
FILLED = re.compile(r"\[verbose\] adding (\d+) audio samples of silence")
"""How ffmpeg tells of silence that its filter put in."""
SECTION_PROTOCOLS = ("http", "https", "m3u8", "m3u8_native")
PROTOCOLS = (*SECTION_PROTOCOLS, "http_dash_segments", "http_dash_segments_generator", "ism", "f4m")
"""What yt-dlp or the relay fetch by themselves, starting no program."""


@dataclass(frozen=True)
class Media:
    """A fetched file; what is wanted of it is ``[start_s, end_s)``.

    ``goes_on``: it is a section of a recording known to be longer, so if it ends early, it broke off.
    ``filled_s`` and ``tracks`` are of the recording that a section was decoded from: silence put in where its
    clock goes on without sound, in seconds, and sound tracks.
    """

    path: Path
    start_s: float
    end_s: float
    goes_on: bool = False
    filled_s: float = 0.0
    tracks: int = 1

    @property
    def bytes(self) -> int:
        """Return the file's size."""
        return self.path.stat().st_size


class Deadline(DownloadCancelled):
    """The item's time is up."""


class TooLarge(DownloadCancelled):
    """The item sends more than is allowed."""


class _Silent:
    """yt-dlp's messages come with its exceptions; printed, they would tear the progress line."""

    def debug(self, message: str) -> None: ...

    info = warning = error = debug


class _Downloader(yt_dlp.YoutubeDL):  # type: ignore[misc, unused-ignore]
    """yt-dlp with a deadline, which remembers the last refusal: its headers are lost in messages."""

    limit = float("inf")
    bytes_left = float("inf")
    refusal: HTTPError | None = None

    def add_default_info_extractors(self) -> None:
        """Add every site at once: to sort them by patterns that nobody gave takes 0.1 s a worker."""
        for site in gen_extractor_classes():
            if getattr(site, "_ENABLED", True):
                self.add_info_extractor(site)

    def in_time(self, *_: object) -> None:
        if time.monotonic() > self.limit:
            raise Deadline("time is up")

    def urlopen(self, req: Any) -> Any:
        self.in_time()
        try:
            answer = super().urlopen(req)
        except HTTPError as error:
            self.refusal = error
            raise
        answer.read = functools.partial(self._read, answer.read)
        return answer

    def _read(self, read: Callable[[int], bytes], size: int | None = None) -> bytes:
        """Read an answer's body, unpacked, as far as the item's bytes go."""
        found = bytearray()
        while size is None or len(found) < size:
            self.in_time()
            block = read(BLOCK if size is None else min(size - len(found), BLOCK))
            self.bytes_left -= len(block)
            if self.bytes_left < 0:
                raise TooLarge("too large")
            found += block
            if not block:
                break
        return bytes(found)


class Client:
    """Fetches one item at a time into a folder of its own."""

    def __init__(self, folder: Path, network: Network, cookies: str | None = None) -> None:
        """Raise UserError for settings that yt-dlp refuses."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._network = folder, network
        options = {
            "format": "bestaudio/best",
            "outtmpl": {"default": f"{str(folder).replace('%', '%%')}/media.%(ext)s"},
            "quiet": True,
            "noprogress": True,
            "no_warnings": True,
            "logger": _Silent(),
            "noplaylist": True,
            "cachedir": False,
            "fixup": "never",
            "updatetime": False,
            # Every try goes through the pace and the back-off here, so none is made behind their back.
            "retries": 0,
            "extractor_retries": 0,
            "file_access_retries": 0,
            "fragment_retries": 3,
            "skip_unavailable_fragments": False,
            "socket_timeout": network.timeout_s,
            "proxy": network.proxy,
            # It would be started with cookies and addresses as arguments, see relay.py.
            "ffmpeg_location": str(folder / "no ffmpeg"),
            "extractor_args": network.extractor_args,
        }
        if network.js_runtimes:
            runtimes = network.js_runtimes.items()
            options["js_runtimes"] = {name: {"path": path} if path else {} for name, path in runtimes}
        if cookies is not None:
            # A stream, not the file: yt-dlp writes changed cookies back to where it read them.
            options["cookiefile"] = io.StringIO(cookies)
        try:
            self._ydl = _Downloader(options)
        except Exception as error:
            raise UserError(f"config: fetch: yt-dlp refuses these settings ({error})") from None
        self._ydl.add_progress_hook(self._ydl.in_time)

    def get(self, url: str, start_s: float, end_s: float, limit: float) -> Media:
        """Fetch what holds ``[start_s, end_s)`` seconds of the recording at ``url``, or all behind the start.

        ``limit`` is the moment (of the monotonic clock) at which to give up. A transfer that broke
        off goes on where it stopped if the same item is asked for again before :meth:`clear`.

        Raises:
            Failure: with the reason and what the server asked to wait.
            OSError: the disk is full.

        """
        self._ydl.limit, self._ydl.refusal = limit, None
        self._ydl.bytes_left = self._network.max_item_mb * 1e6
        try:
            info = self._ydl.extract_info(url, download=False)
            _check(info)
            long = (info.get("duration") or 0) > self._network.section_above_s
            if long and math.isfinite(end_s) and _sectionable(info):
                return self._section(info, start_s, end_s, limit)
            try:
                self._ydl.process_info(info)
            except DownloadError as error:
                if "ffmpeg could not be found" not in str(error) or not _sectionable(info):
                    raise
                return self._section(info, start_s, end_s, limit)
            return Media(self._file(), start_s, end_s)
        except Failure:
            raise
        except Deadline:
            raise Failure(reason("deadline")) from None
        except TooLarge:
            raise Failure(self._too_large()) from None
        except Exception as error:
            if reasons.disk_full(error):
                raise OSError("No space left on device") from error
            raise Failure(self._reason(error), self._retry_after()) from error

    def clear(self) -> None:
        """Delete what is left of an item."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _section(self, info: Json, start_s: float, end_s: float, limit: float) -> Media:
        """Decode a stretch of a remote file to WAV at its own rate; ffmpeg seeks by ranges.

        Decoding right away is exact, where copied packets would start at the nearest one. The seek in
        the file gets near, the seek in what is decoded, by its time stamps, is to the sample: measured,
        the first alone is up to 1,024 samples off in MP4. Of several sound tracks the default one is taken,
        as of whole files; that it is another than the first is known once the file is open.
        """
        output = self.folder / "media.wav"
        log = self._decoded(info, start_s, end_s, limit, output, 0)
        default, tracks = containers.tracks(log)
        if default:
            log = self._decoded(info, start_s, end_s, limit, output, default)
        with soundfile.SoundFile(output) as sound:
            filled_s = sum(map(int, FILLED.findall(log))) / sound.samplerate
        goes_on = (info.get("duration") or 0) >= end_s
        return Media(output, 0.0, end_s - start_s, goes_on, filled_s, tracks)

    def _decoded(
        self, info: Json, start_s: float, end_s: float, limit: float, output: Path, track: int
    ) -> str:
        """Decode a stretch of a remote file's sound track to ``output``; returns ffmpeg's log."""
        lead = min(MARGIN_S, start_s)
        command = [executable(), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+verbose", "-y"]
        command += ["-protocol_whitelist", "http,tcp,crypto,data"]
        # The relay's own timeout comes first, and its reason is the better one.
        command += ["-rw_timeout", f"{(self._network.timeout_s + 1) * 1e6:.0f}"]
        relay = Relay(info["url"], dict(info.get("http_headers") or {}), self._ydl.urlopen)
        # These containers' clocks begin at zero, whenever the sound does; a broadcast's begins anywhere.
        clocked = info.get("ext") in CLOCKED and "m3u8" not in str(info.get("protocol"))
        command += ["-seek_timestamp", "1"] if clocked else []
        command += ["-ss", f"{start_s - lead:.6f}", "-i", relay.url, "-map", f"0:a:{track}"]
        # Where the container's clock goes on without sound there is silence, as in whole files.
        command += ["-af", clock.FILL, "-ss", f"{lead:.6f}"]
        command += ["-t", f"{end_s - start_s:.6f}"] if math.isfinite(end_s) else []
        most = int(self._network.max_item_mb * 1e6)
        command += ["-c:a", "pcm_f32le", "-fs", str(most), "-f", "wav", str(output)]
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                timeout=max(0.1, limit - time.monotonic()),
                # The relay is on this machine, whatever proxy the environment names.
                env={k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            )
        except subprocess.TimeoutExpired:
            raise Failure(reason("deadline")) from None
        finally:
            relay.close()
        if "No space left on device" in done.stderr:
            raise OSError("No space left on device")
        if done.returncode:
            if relay.error is not None:
                raise relay.error
            # The last lines say what went wrong, the first where.
            raise Failure(reasons.classify(" ".join(containers.ERROR.findall(done.stderr)[-6:])))
        if output.stat().st_size >= most:
            raise Failure(self._too_large())
        return done.stderr

    def _too_large(self) -> reasons.Reason:
        return reason("too large", f"more than fetch.max_item_mb, {self._network.max_item_mb:g} MB")

    def _file(self) -> Path:
        """Return the file that yt-dlp left."""
        files = [p for p in self.folder.iterdir() if p.is_file() and p.suffix not in (".part", ".ytdl")]
        if not files:
            raise Failure(reason("unknown", "nothing was downloaded"))
        return files[0]

    def _reason(self, error: Exception) -> reasons.Reason:
        """Return the reason behind an error of yt-dlp."""
        if isinstance(error, yt_dlp.utils.YoutubeDLError):
            found = reasons.classify(str(error))
        else:
            found = reasons.classify(f"{type(error).__name__}: {error}")
        broken = any(isinstance(e, NETWORK_ERRORS) for e in reasons.chain(error))
        if found.kind.code == "unknown" and broken:
            return reason("network", found.detail)
        return found

    def _retry_after(self) -> float | None:
        """Return what the last refusal asked to wait, if it did."""
        refusal = self._ydl.refusal
        if refusal is None or refusal.status not in (429, 503):
            return None
        return reasons.seconds_to_wait(refusal.response.headers.get("Retry-After"))


NETWORK_ERRORS: tuple[type[BaseException], ...] = (
    yt_dlp.networking.exceptions.TransportError,
    TimeoutError,
    ConnectionError,
)


def _check(info: Json | None) -> None:
    """Refuse what isn't one finished recording."""
    if not info or info.get("_type", "video") != "video":
        raise Failure(reason("not media", "a list or a page, not a recording"))
    if info.get("live_status") in ("is_live", "is_upcoming", "post_live") or info.get("is_live"):
        raise Failure(reason("live", str(info.get("live_status") or "is_live")))
    if info.get("protocol") not in PROTOCOLS:
        raise Failure(reason("not media", f"a stream ({info.get('protocol')}), not a file"))


def _sectionable(info: Json) -> bool:
    """Whether ffmpeg can fetch a part of it by itself."""
    return info.get("protocol") in SECTION_PROTOCOLS and not info.get("requested_formats")
