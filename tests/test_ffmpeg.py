"""ffmpeg is found, kept to the file it is given, and stopped when it hangs."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
import time

import numpy as np
import pytest
import soundfile

from earmark.audio import clock
from earmark.audio import containers as ffmpeg
from earmark.audio import waveform as audio
from earmark.audio.program import yields
from earmark.core.errors import AudioError, UserError


@pytest.fixture
def webm(tmp_path):
    """Four seconds of a rising tone, in a format libsndfile doesn't know."""
    t = np.arange(4 * 48000) / 48000
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * (200 + 100 * t) * t), 48000)
    command = [ffmpeg.executable(), "-v", "error", "-nostdin", "-i", str(tmp_path / "a.wav")]
    subprocess.run([*command, str(tmp_path / "a.webm")], check=True)
    return tmp_path / "a.webm"


def program(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_the_program_is_the_one_named_else_on_the_path_else_the_wheels(tmp_path, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    named = program(tmp_path / "mine", "")
    monkeypatch.setenv("EARMARK_FFMPEG", named)
    assert ffmpeg.executable() == named
    monkeypatch.delenv("EARMARK_FFMPEG")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "imageio_ffmpeg" in ffmpeg.executable()
    on_path = program(tmp_path / "ffmpeg", "")
    assert ffmpeg.executable() == on_path


def test_a_program_that_is_not_there_is_said_with_its_variable(monkeypatch):
    monkeypatch.setenv("EARMARK_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(UserError, match="EARMARK_FFMPEG: /nowhere/ffmpeg is not a program"):
        ffmpeg.executable()


def test_a_container_libsndfile_does_not_know_is_decoded(webm):
    decoded = audio.decode(webm)
    assert (decoded.container, decoded.decoder, decoded.sample_rate) == ("matroska,webm", "ffmpeg", 48000)
    source, _ = soundfile.read(webm.with_suffix(".wav"), dtype="float32")
    assert len(decoded.samples) == len(source)
    assert np.corrcoef(decoded.samples, source)[0, 1] > 0.99


@pytest.mark.parametrize("form", ["m4a", "ac3", "wma", "opus", "mka"])
def test_larger_frames_hold_the_samples_that_the_codecs_own_do(webm, form):
    path = webm.with_suffix(f".{form}")
    command = [ffmpeg.executable(), "-v", "error", "-nostdin", "-i"]
    subprocess.run([*command, str(webm.with_suffix(".wav")), str(path)], check=True)
    plain = subprocess.run([*command, str(path), "-f", "f32le", "-"], check=True, stdout=subprocess.PIPE)
    with path.open("rb") as file, ffmpeg.decoding(file, max_s=10.0) as stream:
        made = np.concatenate(list(stream.blocks))
    assert len(made) % 16384 and np.array_equal(made[:, 0], np.frombuffer(plain.stdout, "<f4"))


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has a policy for what doesn't hurry")
def test_the_threads_of_a_decoder_do_not_push_each_other_off_a_core():
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))
            os.sched_setscheduler(process.pid, os.SCHED_OTHER, os.sched_param(0))
            yields(process.pid)
            assert os.sched_getscheduler(process.pid) == os.SCHED_BATCH
        except OSError:
            pytest.skip("this machine's kernel sets no such policy")
        finally:
            process.kill()
    yields(process.pid)  # which has ended, and nothing is said


def test_a_hang_ends_as_a_reason_and_leaves_no_process(webm, tmp_path, monkeypatch):
    slow = program(tmp_path / "slow", f"echo $$ > {tmp_path}/pid\nexec sleep 60\n")
    monkeypatch.setenv("EARMARK_FFMPEG", slow)
    monkeypatch.setattr(ffmpeg, "BASE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(clock, "TIMEOUT_S", 0.3)  # its packets are asked for first
    with pytest.raises(AudioError, match=r"undecodable \(.*ffmpeg timed out after 0.7 s\)"):
        audio.decode(webm, 0.0, 4.0)
    pid = int((tmp_path / "pid").read_text())
    time.sleep(0.1)
    assert subprocess.run(["kill", "-0", str(pid)], capture_output=True).returncode != 0


def test_no_more_is_decoded_than_asked_for(webm):
    with webm.open("rb") as file:
        with (
            pytest.raises(ffmpeg.DecodeError, match="more audio"),
            ffmpeg.decoding(file, max_s=1.0) as stream,
        ):
            list(stream.blocks)
        with ffmpeg.decoding(file, 1.0, 1.5, max_s=1.0) as stream:
            assert sum(len(block) for block in stream.blocks) == 24000


@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "list.wav"])
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_playlist_opens_nothing(webm, tmp_path, name, kind):
    class Recorder(http.server.SimpleHTTPRequestHandler):
        asked: list[str] = []

        def do_GET(self):
            Recorder.asked.append(self.path)
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = "a.webm" if kind == "local" else f"http://127.0.0.1:{server.server_port}/a.webm"
        text = (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"
            if name.endswith("m3u8")
            else f"ffconcat version 1.0\nfile {target}\n"
        )
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioError, match=r"^unreadable \("):
            audio.probe(tmp_path / name)
        server.shutdown()
    assert Recorder.asked == []


def test_the_reason_is_the_same_every_time(webm):
    webm.write_bytes(webm.read_bytes()[:700])
    reasons = []
    for _ in range(2):
        with pytest.raises(AudioError) as error:
            audio.probe(webm)
        reasons.append(str(error.value))
    assert reasons[0] == reasons[1]
    assert "0x" not in reasons[0] and "/dev/fd" not in reasons[0]
