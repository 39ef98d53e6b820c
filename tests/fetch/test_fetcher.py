from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_server import media, tone
from workflow import SMALL

from earmark.audio import containers as ffmpeg
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.core.records import read_manifest, reason_code
from earmark.data import shards
from earmark.data.fetch import fetcher
from earmark.data.fetch.progress import overall

HTML = {"body": b"<html><body>gone</body></html>", "headers": {"Content-Type": "text/html"}}
PERMANENT = {
    "gone": ({"status": 404}, "removed"),
    "gone2": ({"status": 410}, "removed"),
    "secret": ({"status": 401}, "private"),
    "elsewhere": ({"status": 451}, "geo-blocked"),
    "page": (HTML, "not media"),
    "junk": ({"body": b"\x00\x01junk" * 1000}, "decode"),
}
PENDING = {
    "forbidden": ({"status": 403}, "forbidden"),
    "broken": ({"status": 500}, "server error"),
    "away": ({"status": 503}, "server error"),
    "many": ({"status": 429}, "rate limited"),
    "stall": ({"stall_s": 10}, "network"),
    "short": ({"cut": 0.5}, "network"),
    "empty": ({"body": b""}, "network"),
}


def test_every_fault_ends_in_its_own_reason_and_the_rest_is_fetched(shard):
    for name, (fault, _) in (PERMANENT | PENDING).items():
        shard.add(name, **fault)
    shard.add("fine")
    shard.add("early", span=(1.5, 3.5))
    shard.add("after", span=(5.0, 6.0))
    with pytest.raises(UserError, match=r"1 ok, 8 failed .*7 pending .*run the same command again") as told:
        shard.run(workers=8)
    assert "\n" not in str(told.value)
    codes = {name: row["code"] for name, row in shard.ledger().items()}
    expected = {name: code for name, (_, code) in (PERMANENT | PENDING).items()}
    assert codes == expected | {"fine": "", "early": "too short", "after": "too short"}
    assert not shard.output.exists()

    # Mended, only what was worth another try is asked for again.
    before = {path: shard.server.asked(path) for path in shard.server.requests}
    for name in PENDING:
        shard.server.mend(f"/{name}.wav")
    clips = {clip.source_id[0]: clip for clip in shard.run(workers=8)}
    again = {path[1:-4] for path, count in before.items() if shard.server.asked(path) > count}
    assert again == set(PENDING)
    assert {name for name, clip in clips.items() if clip.ok} == {"fine", *PENDING}
    assert {n: reason_code(c.reason) for n, c in clips.items() if n in PERMANENT} == {
        name: code for name, (_, code) in PERMANENT.items()
    }
    assert list(clips) == [line.partition(",")[0] for line in shard.lines]


def test_a_wav_comes_back_bit_exact_for_the_wanted_stretch(shard):
    samples = tone(3, seed=5)
    samples[20000:20010] = [-32768, 32767] * 5
    shard.add("exact", media(shard.folder, samples, 32000, "wav"), span=(0.25, 2.125))
    (clip,) = shard.run()
    kept, rate = soundfile.read(clip.parts[0].path, dtype="int16")
    assert rate == clip.sample_rate == 32000
    np.testing.assert_array_equal(kept, samples[8000:68000])
    assert clip.labels == ["Dog, barking", "Rain"] and clip.duration_s == 1.875


def page(shard, name: str, seconds: int, address: str, span=(40.5, 42.0)) -> str:
    """A web page about a recording, which says how long it is."""
    about = {"@context": "https://schema.org", "@type": "VideoObject", "name": name}
    about |= {"contentUrl": address, "duration": f"PT{seconds}S"}
    text = f'<html><script type="application/ld+json">{json.dumps(about)}</script></html>'
    return shard.add(name, text.encode(), span=span, headers={"Content-Type": "text/html"})


@pytest.mark.parametrize("kind", ["wav", "webm", "m4a", "mp3"])
def test_a_section_of_a_long_recording_is_what_the_whole_would_give(shard, kind):
    samples = tone(60, seed=2)
    address = shard.server.add(f"/media.{kind}", media(shard.folder, samples, 32000, kind))
    page(shard, "long", 60, address)
    whole, _ = soundfile.read(shard.run()[0].parts[0].path)
    before = len(shard.server.headers[f"/media.{kind}"])
    section, _ = soundfile.read(shard.run(keep={"channels": "first"}, section_above_s=30)[0].parts[0].path)
    ranges = [headers.get("Range", "") for headers in shard.server.headers[f"/media.{kind}"][before:]]
    # ffmpeg jumps to where it is wanted instead of reading from the beginning.
    if kind in ("wav", "webm"):
        assert any(int(re.sub(r"\D", "", r.partition("-")[0]) or 0) > 50_000 for r in ranges), ranges
    assert len(section) == len(whole) == 48000
    if kind == "wav":
        np.testing.assert_array_equal(section, whole)
    else:
        # As exact as the time stamps of a container: in webm whole milliseconds and the codec's delay.
        slack = 320 if kind == "webm" else 1
        found = np.correlate(section, whole[slack:-slack], "valid")
        assert abs(int(found.argmax()) - slack) <= slack
        assert found.max() > 0.95 * np.sum(whole[slack:-slack] ** 2)


@pytest.mark.parametrize("section_above_s", [30, 900])
def test_aac_under_the_name_of_webm_is_read_whole_and_as_a_section(shard, section_above_s):
    # A site's mistake: WebM has no AAC by its definition, and what copies packets into it refuses.
    samples = tone(60, seed=2)
    soundfile.write(shard.folder / "source.wav", samples, 32000)
    path = shard.folder / "aac.webm"
    command = [ffmpeg.executable(), "-y", "-loglevel", "error", "-i", str(shard.folder / "source.wav")]
    subprocess.run([*command, "-c:a", "aac", "-f", "matroska", str(path)], check=True)
    page(shard, "aac", 60, shard.server.add("/aac.webm", path.read_bytes()))
    (clip,) = shard.run(section_above_s=section_above_s)
    kept, _ = soundfile.read(clip.parts[0].path)
    wanted = samples[round(40.5 * 32000) : 42 * 32000].astype(float)
    found = np.correlate(kept, wanted[64:-64], "valid")
    assert clip.ok and len(kept) == 48000 and abs(int(found.argmax()) - 64) <= 34


@pytest.mark.parametrize("section_above_s", [30, 900])
@pytest.mark.parametrize("kind", ["late", "hole"])
def test_a_section_keeps_the_seconds_of_the_container(shard, kind, section_above_s):
    samples = tone(60, seed=2)
    soundfile.write(shard.folder / "source.wav", samples, 32000)
    path = shard.folder / f"{kind}.webm"
    command = [ffmpeg.executable(), "-y", "-loglevel", "error"]
    command += ["-itsoffset", "2"] if kind == "late" else []
    command += ["-i", str(shard.folder / "source.wav")]
    command += ["-af", "aselect='not(between(t,20,24))'"] if kind == "hole" else []
    subprocess.run([*command, "-c:a", "libopus", str(path)], check=True)
    address = shard.server.add(f"/{kind}.webm", path.read_bytes())
    page(shard, kind, 60, address)
    kept, _ = soundfile.read(shard.run(section_above_s=section_above_s)[0].parts[0].path)
    first = 40.5 - (2 if kind == "late" else 0)
    wanted = samples[round(first * 32000) : round((first + 1.5) * 32000)].astype(float)
    slack = 640
    found = np.correlate(kept, wanted[slack:-slack], "valid")
    assert abs(int(found.argmax()) - slack) <= slack // 2


@pytest.mark.parametrize("section_above_s", [30, 900])
def test_silence_in_a_hole_of_the_clock_is_counted_and_packed_with_the_clip(shard, section_above_s):
    soundfile.write(shard.folder / "source.wav", tone(60, seed=2), 32000)
    command = [ffmpeg.executable(), "-y", "-loglevel", "error", "-i", str(shard.folder / "source.wav")]
    command += ["-af", "aselect='not(between(t,41,41.4))'", "-c:a", "libopus"]
    subprocess.run([*command, str(shard.folder / "hole.webm")], check=True)
    page(shard, "hole", 60, shard.server.add("/hole.webm", (shard.folder / "hole.webm").read_bytes()))
    (clip,) = shard.run(section_above_s=section_above_s)
    clip.key = "k"
    tar, index = Path("a.tar"), Path("a.parquet")
    shards.write(lambda: [clip], tar, index, shards.Form(32000))
    (packed,) = read_manifest(index)
    assert packed.measures.filled_s == pytest.approx(0.4, abs=0.07)
    assert (packed.measures.container, packed.measures.source_rate) == ("flac", 48000)


@pytest.mark.parametrize("section_above_s", [5, 900])
@pytest.mark.parametrize(("kind", "codec"), [("mp4", "aac"), ("webm", "libopus")])
@pytest.mark.parametrize("default", [0, 2])
def test_of_several_tracks_a_section_is_of_the_one_that_the_whole_is_of(
    shard, section_above_s, kind, codec, default
):
    # A beep in every second: its number of hundreds of hertz tells the second, its tens the track.
    command = [ffmpeg.executable(), "-y", "-loglevel", "error"]
    for track in range(3):
        beeps = f"aevalsrc='lt(mod(t,1),0.5)*sin(2*PI*(100*floor(t)+300+10*{track})*t)':d=12:s=32000"
        command += ["-f", "lavfi", "-i", beeps]
    for track in range(3):
        command += ["-map", str(track), f"-disposition:a:{track}", "default" if track == default else "0"]
    path = shard.folder / f"tracks.{kind}"
    subprocess.run([*command, "-c:a", codec, str(path)], check=True)
    page(shard, "tracks", 12, shard.server.add(f"/tracks.{kind}", path.read_bytes()), (7.0, 9.0))
    (clip,) = shard.run(section_above_s=section_above_s)
    kept, _ = soundfile.read(clip.parts[0].path)
    for second, start in ((7, 0), (8, 32000)):
        beep = kept[start + 1600 : start + 14400]
        hertz = np.argmax(np.abs(np.fft.rfft(beep * np.hanning(len(beep))))) * 32000 / len(beep)
        assert hertz == pytest.approx(100 * second + 300 + 10 * default, abs=3)
    assert clip.measures.tracks == 3


@pytest.mark.parametrize("what", [{"status": 404}, {"status": 503}, {"cut": 0.05}, {"stall_s": 10}])
def test_a_section_fails_with_the_same_reasons(shard, what):
    address = shard.server.add("/media.wav", media(shard.folder, tone(60), 32000, "wav"))
    shard.server.fault("/media.wav", **what)
    page(shard, "long", 60, address)
    code = {404: "removed", 503: "server error"}.get(what.get("status"), "network")
    if code == "removed":
        assert reason_code(shard.run(section_above_s=30)[0].reason) == code
    else:
        with pytest.raises(UserError, match=f"1 {code}"):
            shard.run(section_above_s=30, retries=0)


def test_first_channel_and_another_rate_fetch_again_just_what_changed(shard):
    left, right = tone(2, seed=1), tone(2, seed=2)
    path = shard.add("stereo", media(shard.folder, np.stack([left, right], 1), 32000, "wav"))
    mean = soundfile.read(shard.run()[0].parts[0].path)[0]
    np.testing.assert_allclose(mean, (left + right.astype(float))[16000:48000] / 65536, atol=2e-5)
    first = soundfile.read(shard.run(keep={"channels": "first"})[0].parts[0].path, dtype="int16")[0]
    np.testing.assert_array_equal(first, left[16000:48000])
    asked = shard.server.asked(path)
    shard.run()
    assert shard.server.asked(path) == asked
    assert shard.run(keep={"sample_rate": 16000})[0].sample_rate == 16000
    assert shard.server.asked(path) > asked


def test_a_damaged_or_missing_clip_is_fetched_again(shard):
    paths = [shard.add(f"item{i}") for i in range(3)]
    clips = shard.run()
    damaged = shard.folder / clips[0].parts[0].path
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"xxxx")
    (shard.folder / clips[1].parts[0].path).unlink()
    asked = [shard.server.asked(path) for path in paths]
    assert [clip.sha256 for clip in shard.run()] == [clip.sha256 for clip in clips]
    assert [shard.server.asked(path) > n for path, n in zip(paths, asked)] == [True, True, False]


def test_a_server_that_drips_holds_nothing_up(shard, monkeypatch):
    monkeypatch.setattr(fetcher, "GRACE_S", 0.3)
    for i in range(3):
        shard.add(f"drip{i}", drip_s=0.5)
        shard.add(f"fine{i}")
    with pytest.raises(UserError, match=r"3 ok, 0 failed, 3 pending \(3 deadline\)"):
        shard.run(workers=2, item_deadline_s=3)


def test_rate_limits_in_a_row_stop_the_job_for_now(shard):
    for i in range(30):
        shard.add(f"item{i}", status=429)
    with pytest.raises(UserError, match="stopped for now: 5 rate limits or bot checks in a row"):
        shard.run(workers=1, stop_after_limited=5)
    assert shard.server.asked() == 5


def test_the_script_ends_in_one_line_and_goes_on_when_run_again(shard):
    path = shard.add("item", status=429)
    first = shard.start(retries=0, stop_after_limited=1)
    *_, line = first.communicate(timeout=60)[0].splitlines()
    assert first.returncode == 1
    assert line == (
        "error: data/loop/fetched/test-00000-of-00001.parquet: 0 ok, 0 failed, 1 pending (1 rate limited); "
        "stopped for now: 1 rate limits or bot checks in a row; run the same command again to go on"
    )
    shard.server.mend(path)
    again = shard.start()
    assert again.wait(60) == 0, again.stdout.read()


def test_retry_after_is_kept_to_by_every_worker(shard):
    shard.add("first", status=429, headers={"Retry-After": "1"}, times=1)
    for i in range(4):
        shard.add(f"item{i}")
    assert all(clip.ok for clip in shard.run(workers=2))
    told = shard.server.times["/first.wav"][0]
    early = {p for p, times in shard.server.times.items() for t in times if told < t < told + 0.9}
    # One item may have been under way with the other worker when the server spoke.
    assert len(early) <= 1 and shard.server.times["/first.wav"][1] > told + 0.9


def test_pending_items_are_allowed_up_to_a_share_and_stand_in_the_manifest(shard):
    shard.add("broken", status=500)
    for i in range(3):
        shard.add(f"item{i}")
    with pytest.raises(UserError, match="1 pending"):
        shard.run(keep={"max_pending_share": 0.2})
    clips = shard.run(keep={"max_pending_share": 0.25})
    assert [clip.status for clip in clips] == ["failed", "ok", "ok", "ok"]
    assert clips[0].reason == "server error (HTTP 500)"


def test_outside_the_hours_nothing_is_asked(shard):
    shard.add("item")
    now = datetime.now()
    window = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    with pytest.raises(UserError, match=f"outside the hours of fetch.hours .{window}"):
        shard.run(hours=window)
    assert shard.server.asked() == 0
    assert shard.run(hours=f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}")[0].ok


def test_hostile_ids_stay_names(shard):
    for name in ("-rf", "_x", "--exec", "-"):
        shard.add(name)
    for name in ("../../../evil", "/etc/passwd", "a b", "x$(touch evil)", "n\0l", "%2e%2e", "a" * 300, ""):
        shard.lines.append(f'"{name}", 0.000, 1.000, "/m/a"\n')
    shard.lines.append('"new\nline", 0.000, 1.000, "/m/a"\n')
    clips = shard.run()
    assert [clip.ok for clip in clips] == [True] * 4 + [False] * 9
    assert {reason_code(clip.reason) for clip in clips[4:]} == {"bad id"}
    assert all(re.fullmatch(r"Y[A-Za-z0-9_~-]*_\d+", clip.clip_id) for clip in clips)
    assert len({clip.clip_id for clip in clips}) == len(clips)
    assert set(shard.server.requests) == {"/-rf.wav", "/_x.wav", "/--exec.wav", "/-.wav"}
    inside = {path.name for path in shard.folder.iterdir()}
    assert inside <= {".earmark", "data", "list.csv", "classes.csv", "source.wav"}


def test_cookies_are_sent_but_never_written(shard):
    path = shard.add("item")
    jar = shard.folder / "cookies.txt"
    host = "127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\tsecret-word\n"
    jar.write_text("# Netscape HTTP Cookie File\n" + host)
    before = jar.read_bytes(), jar.stat().st_mtime_ns
    shard.run(cookies=str(jar))
    assert "secret-word" in shard.server.headers[path][0]["Cookie"]
    assert (jar.read_bytes(), jar.stat().st_mtime_ns) == before
    kept = [
        p for p in (shard.folder / ".earmark").rglob("*") if p.is_file() and b"secret-word" in p.read_bytes()
    ]
    assert not kept and b"secret-word" not in shard.output.read_bytes()
    with pytest.raises(UserError, match="fetch.cookies: nowhere.txt cannot be read"):
        shard.run(cookies="nowhere.txt")


def test_what_wants_a_login_is_asked_again_once_there_are_cookies(shard):
    path = shard.add("item", status=401)
    assert reason_code(shard.run()[0].reason) == "private"
    shard.server.mend(path)
    assert not shard.run()[0].ok
    (shard.folder / "cookies.txt").write_text("# Netscape HTTP Cookie File\n")
    assert shard.run(cookies="cookies.txt")[0].ok


def test_sharding_anew_fetches_nothing_again(shard):
    for i in range(4):
        shard.add(f"item{i}")
    shard.run()
    asked = shard.server.asked()
    (shard.cache / "test-00000-of-00001").rename(shard.cache / "test-00000-of-00004")
    assert all(clip.ok for clip in shard.run())
    assert shard.server.asked() == asked
    # What the other sharding counted isn't counted again.
    state = overall(shard.cache)
    assert (state["total"], state["ok"], state["shards"]) == (4, 4, {"test": "1 of 1"})


def test_settings_passed_on_to_yt_dlp_are_taken_and_misspelt_ones_refused(shard):
    shard.add("item")
    assert shard.run(js_runtimes={"node": None}, extractor_args={"youtube": {"player_client": ["web"]}})[0].ok
    with pytest.raises(UserError, match=r"config: fetch\.js_runtimes\.nod: 'nod' is not one of"):
        Settings.load({**SMALL, "fetch": {"js_runtimes": {"nod": None}}}, ROOT)


def test_progress_files_add_up(shard):
    shard.add("gone", status=404)
    shard.add("item")
    shard.run()
    state = json.loads((shard.cache / "test-00000-of-00001/progress.json").read_text())
    counts = {name: state[name] for name in ("state", "total", "ok", "failed", "pending", "not_asked")}
    assert counts == {
        "state": "finished",
        "total": 2,
        "ok": 1,
        "failed": {"removed": 1},
        "pending": {},
        "not_asked": 0,
    }
    command = [sys.executable, str(SCRIPTS / "fetch_status.py"), "loop"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "loop: 1 ok, 1 failed, 0 pending of 2 in the shards begun (test 1 of 1)\n"
