"""Lists of questions that give addresses: their recordings are fetched whole, whatever they are called."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile
from media_server import media, tone
from shard import FAST, KEEP

from earmark.config.packing import Kept
from earmark.config.source import read
from earmark.core.records import Clip, read_manifest, reason_code, write_manifest
from earmark.data.fetch.job import fetch
from earmark.data.fetch.network import Network
from earmark.data.sources import choices

COLUMNS = {"audio": "audio", "url": "video_url", "options": None, "answer": "groundtruth"}


def fetched(folder: Path, items: list[dict[str, str]], **network: object) -> list[Clip]:
    """Write the list, collect what it wants and fetch that as the rule does."""
    (folder / "list.json").write_text(
        json.dumps([item | {"question": "How many?", "groundtruth": "1"} for item in items])
    )
    source = read(
        {"kind": "choices", "root": str(folder), "lists": "list.json", "columns": COLUMNS}, "data.source"
    )
    wanted, output = folder / "recordings.parquet", folder / "fetched.parquet"
    write_manifest(wanted, choices.collect(source, folder, 0, 1))
    fetch(
        wanted, "test", (0, 1), Kept.read(KEEP, "keep"), Network(**{**FAST, **network}), folder / "c", output
    )
    return read_manifest(output)


def test_a_recording_of_unknown_length_comes_whole_and_sample_exact(server, tmp_path):
    samples = tone(3, seed=5)
    found = server.add("/a.wav", media(tmp_path, samples, 32000, "wav"))
    # also where the section of a longer recording would be fetched
    (clip,) = fetched(tmp_path, [{"id": "1", "audio": "a.wav", "video_url": found}], section_above_s=0)
    kept, rate = soundfile.read(clip.parts[0].path, dtype="int16")
    assert rate == 32000 and np.array_equal(kept, samples)
    assert (clip.ok, clip.duration_s, clip.labels, clip.text) == (True, 3.0, ["1"], "How many?")


def test_what_is_broken_or_no_recording_fails_by_itself_and_ids_lead_nowhere(server, tmp_path):
    fine = server.add("/fine.wav", media(tmp_path, tone(1), 32000, "wav"))
    junk = server.add("/junk.wav", b"\x00\x01junk" * 1000)
    items = [
        {"id": "../../out/" + "é" * 200, "audio": "x", "video_url": fine},
        {"id": "junk", "audio": "x", "video_url": junk},
        {"id": "local", "audio": "x", "video_url": (tmp_path / "list.json").as_uri()},
    ]
    away, broken, local = fetched(tmp_path, items)
    place = Path(away.parts[0].path)
    assert away.ok and place.resolve().is_relative_to((tmp_path / "c" / "media").resolve())
    assert (reason_code(broken.reason), local.reason.split(" (")[0]) == ("decode", "no address")
