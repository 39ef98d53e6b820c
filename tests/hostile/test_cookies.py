"""A session's cookie goes to its own host and nowhere else: no other host, process list or file."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import soundfile
from media_server import MediaServer, media, tone
from shard import Shard

from earmark.audio import containers as ffmpeg

SECRET = "SECRETCOOKIE"
SIGNATURE = "SIGNEDQUERY"


def _jar(folder: Path) -> str:
    """A cookies file for the first host alone."""
    path = folder / "cookies.txt"
    line = f"127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsid\t{SECRET}\n"
    path.write_text("# Netscape HTTP Cookie File\n" + line)
    return str(path)


def _page(shard: Shard, address: str) -> None:
    """A page about a recording of a minute that lies at an address."""
    about = {"@context": "https://schema.org", "@type": "VideoObject", "name": "x", "duration": "PT60S"}
    text = f'<html><script type="application/ld+json">{json.dumps(about | {"contentUrl": address})}</script>'
    shard.add("item", text.encode(), span=(40.5, 42.0), headers={"Content-Type": "text/html"})


def _playlist(shard: Shard, segments: MediaServer, encrypted: bool) -> str:
    """A playlist on the first host whose segments and key lie on another one."""
    source, folder = shard.folder / "source.wav", shard.folder / "hls"
    folder.mkdir()
    soundfile.write(source, tone(60), 32000, subtype="PCM_16")
    command = [ffmpeg.executable(), "-loglevel", "error", "-i", str(source), "-c:a", "aac", "-f", "hls"]
    command += ["-hls_time", "10", "-hls_playlist_type", "vod"]
    if encrypted:
        (folder / "key.bin").write_bytes(b"sixteen bytes ok")
        key = segments.add("/key.bin", b"sixteen bytes ok")
        (folder / "key.txt").write_text(f"{key}?sig={SIGNATURE}\n{folder}/key.bin\n")
        command += ["-hls_key_info_file", str(folder / "key.txt")]
    subprocess.run([*command, str(folder / "list.m3u8")], check=True)
    for path in folder.glob("*.ts"):
        segments.add(f"/{path.name}", path.read_bytes())
    lines = (folder / "list.m3u8").read_text().splitlines()
    text = "\n".join(f"{segments.url}/{line}?sig={SIGNATURE}" if ".ts" in line else line for line in lines)
    return shard.server.add("/list.m3u8", text.encode()) + f"?sig={SIGNATURE}"


def _assert_kept_secret(shard: Shard, other: MediaServer, commands: list[str]) -> None:
    """The cookie reached the first host, as did the signature, and nothing else."""
    sent = [headers.get("Cookie", "") for seen in shard.server.headers.values() for headers in seen]
    assert any(SECRET in cookie for cookie in sent)
    assert other.asked() > 0
    elsewhere = json.dumps(list(other.headers.values()))
    assert SECRET not in elsewhere and "Cookie" not in elsewhere
    assert not [line for line in commands if SECRET in line or SIGNATURE in line]
    kept = [p for p in shard.folder.rglob("*") if p.is_file() and p.name != "cookies.txt"]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_section_behind_a_redirect(shard, other, commands):
    recording = media(shard.folder, tone(60), 32000, "wav")
    shard.server.add("/here.wav", recording)
    place = other.add("/media.wav", recording)
    # yt-dlp looks at it before ffmpeg reads it.
    shard.server.fault("/here.wav", status=302, headers={"Location": place}, body=b"", after=1)
    _page(shard, f"{shard.server.url}/here.wav?sig={SIGNATURE}")
    assert shard.run(section_above_s=30, cookies=_jar(shard.folder))[0].ok
    assert any("-map 0:a:0" in line for line in commands), "ffmpeg fetched no section"
    _assert_kept_secret(shard, other, commands)


@pytest.mark.parametrize("above_s", [30, 900], ids=["section", "whole"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_playlist_whose_segments_lie_elsewhere(shard, other, commands, monkeypatch, above_s, encrypted):
    # Of encrypted ones yt-dlp says that ffmpeg should fetch them, if it is on the PATH.
    (shard.folder / "bin").mkdir()
    (shard.folder / "bin/ffmpeg").symlink_to(ffmpeg.executable())
    monkeypatch.setenv("PATH", str(shard.folder / "bin"), prepend=os.pathsep)
    _page(shard, _playlist(shard, other, encrypted))
    commands.clear()
    (clip,) = shard.run(section_above_s=above_s, cookies=_jar(shard.folder))
    assert clip.ok and clip.duration_s == 1.5
    _assert_kept_secret(shard, other, commands)


def test_a_recording_fetched_whole_behind_a_redirect(shard, other, commands):
    place = other.add("/media.wav", media(shard.folder, tone(2), 32000, "wav"))
    shard.add("item", status=302, headers={"Location": place}, body=b"")
    assert shard.run(cookies=_jar(shard.folder))[0].ok
    _assert_kept_secret(shard, other, commands)


def test_a_password_in_a_proxy_s_address_reaches_the_proxy_alone(shard, other, commands):
    # The other host plays the proxy: it is asked for the whole address.
    recording = media(shard.folder, tone(60), 32000, "wav")
    address = shard.server.add("/media.wav", recording)
    _page(shard, address)
    other.add(address, recording)
    other.add(f"{shard.server.url}/item.wav", shard.server.content("/item.wav"), "text/html")
    proxy = other.url.replace("http://", "http://me:SECRETPW@")
    assert shard.run(section_above_s=30, proxy=proxy)[0].ok
    assert shard.server.asked() == 0 and other.asked() > 0
    assert not [line for line in commands if "SECRETPW" in line or "me:" in line]
    assert not [p for p in shard.folder.rglob("*") if p.is_file() and b"SECRETPW" in p.read_bytes()]
