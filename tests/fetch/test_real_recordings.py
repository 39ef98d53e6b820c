"""Recorded speech over a loopback web server, through fetch, pack and audit, sample by sample."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile
from media_server import serving
from shard import CLASSES
from test_workflow import settings
from workflow import Workflow

from earmark.data import shards

RATE = 16000
START_S, END_S = 0.25, 2.0


@pytest.fixture(scope="module")
def recordings(real_audio):
    """Name -> path of ten sentences, 16 kHz mono FLAC."""
    with (real_audio / "speaker_id" / "metadata.csv").open() as stream:
        rows = list(csv.DictReader(stream))[:10]
    return {f"rec-{number}": real_audio / "speaker_id" / row["file"] for number, row in enumerate(rows)}


def test_recorded_speech_comes_back_sample_exact(recordings, tmp_path):
    with serving() as server:
        for name, path in recordings.items():
            # served as WAV under a name that says webm, as the task's address has it
            samples, rate = soundfile.read(path, dtype="int16")
            assert rate == RATE
            soundfile.write(tmp_path / "served.wav", samples, RATE, subtype="PCM_16")
            server.add(f"/{name}.webm", (tmp_path / "served.wav").read_bytes(), "audio/wav")
        (tmp_path / "flow").mkdir()
        flow = Workflow(tmp_path / "flow")
        (flow.folder / "classes.csv").write_text(CLASSES)
        lines = [f'{name}, {START_S:.3f}, {END_S:.3f}, "/m/a"\n' for name in recordings]
        (flow.folder / "list.csv").write_text("# 1\n# 2\n# 3\n" + "".join(lines))
        flow.configure(settings(server, sample_rate=RATE))
        flow.run("-j2", "data/loop/audit.json")
    found = {}
    for tar in sorted((flow.folder / "data/loop/shards").glob("*.tar")):
        found |= dict(shards.stream(tar, RATE))
    assert len(found) == len(recordings)
    for name, path in recordings.items():
        original, _ = soundfile.read(path, dtype="float32")
        assert np.array_equal(found[f"Y{name}_250"], original[round(START_S * RATE) : round(END_S * RATE)])
    audit = json.loads((flow.folder / "data/loop/audit.json").read_text())
    assert audit["clips"]["test"]["ok"] == len(recordings)
