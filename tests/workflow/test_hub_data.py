"""A data set on the hub, through Snakemake: only its own files come down, and its commit is in every clip."""

from __future__ import annotations

import copy
import json
import tarfile

import pytest
from hub_server import Hub, Repo
from made import tone
from workflow import SMALL, Workflow

from earmark.core.records import read_manifest
from earmark.data.sources.audiomarathon_layouts import LISTS

GTZAN_JSON, GTZAN_AUDIO = LISTS["gtzan"].lists[0], LISTS["gtzan"].folders[0]
GENRES = ["rock", "jazz", "blues", "pop"]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = Hub()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    yield server
    server.close()


def test_gtzan_of_audiomarathon_is_packed_from_the_hub(hub, tmp_path):
    items = [
        {
            "path": f"{genre}.wav",
            "question": "Which genre?",
            **{f"choice_{letter}": option for letter, option in zip("abcd", GENRES)},
            "answer_gt": "ABCD"[number],
            "uniq_id": number,
        }
        for number, genre in enumerate(GENRES)
    ]
    files = {
        "README.md": b"# AudioMarathon",
        "HAD/concatenated_audio/real/a.wav": tone(),
        "TAU/concatenated_resampled/acoustic_scene_task_meta.json": b"[]",
        GTZAN_JSON: json.dumps(items).encode(),
        **{f"{GTZAN_AUDIO}/{genre}.wav": tone(1, 200 + 100 * n) for n, genre in enumerate(GENRES)},
    }
    hub.repos["owner/marathon"] = repo = Repo()
    commit = repo.commit(files)
    config = copy.deepcopy(SMALL)
    config["tasks"]["music"] = {
        "title": "Music",
        "data": {
            "source": {"kind": "audiomarathon", "task": "gtzan", "hub": {"repo": "owner/marathon"}},
            "segment": {"test": {"kind": "whole"}},
        },
    }
    (tmp_path / "flow").mkdir()
    flow = Workflow(tmp_path / "flow")
    flow.configure(config)
    shard = "data/music/shards/test-00000-of-00001.tar"
    flow.run("-j2", shard)

    assert hub.fetched() == {name for name in files if name.startswith("GTZAN/")}
    clips = read_manifest(flow.folder / "data/music/shards/test-00000-of-00001.parquet")
    assert [(c.labels, c.origin, c.duration_s, c.options) for c in clips] == [
        ([genre], f"hub:owner/marathon@{commit}", 1.0, GENRES) for genre in GENRES
    ]
    with tarfile.open(flow.folder / shard) as tar:
        assert sum(name.endswith(".flac") for name in tar.getnames()) == 4
    assert flow.would_make(shard) == set(), "nothing is left to do"
    for path in (tmp_path / "flow").rglob("*"):
        assert not path.is_file() or b"secretsecret" not in path.read_bytes(), path
