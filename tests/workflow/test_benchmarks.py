"""The multiple-choice and counting benchmarks, each from a stand-in of its published layout to its result."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from media_server import MediaServer, serving
from workflow import SMALL, Workflow

from earmark.config.schema import schema

TASKS = {
    "mmau_mini": ("category", "accuracy"),
    "mmar": ("modality", "accuracy"),
    "mmau_pro": ("category", "accuracy"),
    "mmsu": ("task", "accuracy"),
    "air_bench": ("dataset", "accuracy"),
    "blab_speakers": (None, "accuracy_within_2"),
    "blab_duration": (None, "accuracy_within_2"),
    "blab_events": (None, "accuracy_within_2"),
}
ITEMS = 3


def sound(path: Path, seconds: float = 1.0) -> None:
    """A tone that no other file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hertz = 200 + sum(map(ord, str(path))) % 2000
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(16_000 * seconds)) / 16_000)
    soundfile.write(path, wave.astype("float32"), 16_000)


def mmau_mini(root: Path) -> None:
    """Made-up items in the keys of mmau-test-mini.json; not all have four options."""
    items = []
    for number in range(ITEMS):
        sound(root / f"test-mini-audios/{number}.wav")
        options = ["a dog", "a cat", "heavy rain", "a bell"][: 4 - number]
        items.append(
            {
                "id": f"m{number}",
                "audio_id": f"./test-mini-audios/{number}.wav",
                "question": "What is heard?",
                "choices": options,
                "answer": options[number % len(options)],
                "task": "sound",
                "category": "Reasoning",
                "sub-category": "Eco",
                "difficulty": "easy",
            }
        )
    (root / "mmau-test-mini.json").write_text(json.dumps(items))


def mmar(root: Path) -> None:
    """Made-up items in the keys of MMAR-meta.json."""
    items = []
    for number in range(ITEMS):
        sound(root / f"audio/{number}.wav")
        items.append(
            {
                "id": f"r{number}",
                "audio_path": f"./audio/{number}.wav",
                "question": "Who speaks?",
                "choices": ["a woman", "a man", "a child"],
                "answer": "a man",
                "modality": "speech",
                "category": "Signal Layer",
                "sub-category": "x",
                "language": "en",
            }
        )
    (root / "MMAR-meta.json").write_text(json.dumps(items))


def mmau_pro(root: Path) -> None:
    """Several recordings an item, in Parquet."""
    items = []
    for number in range(ITEMS):
        files = [f"data/{number}_{part}.wav" for part in range(1 + number % 2)]
        for file in files:
            sound(root / file)
        items.append(
            {
                "id": f"p{number}",
                "audio_path": files,
                "question": "Which is louder?",
                "choices": ["the first", "the second"],
                "answer": "the first",
                "category": "multi",
                "task_identifier": "compare",
            }
        )
    pq.write_table(pa.Table.from_pylist(items), root / "test.parquet")


def mmsu(root: Path) -> None:
    """Options in keys of their own, in JSON Lines."""
    lines = []
    for number in range(ITEMS):
        sound(root / f"audio/{number}.wav")
        item = {
            "id": f"s{number}",
            "audio_path": f"audio/{number}.wav",
            "question": "Which word is stressed?",
            "choice_a": "red",
            "choice_b": "green",
            "choice_c": "blue",
            "choice_d": "grey",
            "answer_gt": "green",
            "task_name": "stress",
            "category": "Perception",
            "sub-category": "Phonology",
        }
        lines.append(json.dumps(item))
    (root / "mmsu.jsonl").write_text("\n".join(lines))


def air_bench(root: Path) -> None:
    """Recordings in folders named after task and data set, one of them FLAC under the name of a WAV."""
    items = []
    for number in range(ITEMS):
        task = "Audio_Grounding" if number else "Vocal_Sound_Classification"
        ending = "flac" if number else "wav"
        sound(root / f"Foundation/{task}_Made/{number}.{ending}")
        items.append(
            {
                "uniq_id": number,
                "path": f"{number}.wav",
                "question": "What is it?",
                "choice_a": "cough",
                "choice_b": "laughter",
                "choice_c": None if number == 1 else "sigh",
                "answer_gt": "laughter",
                "task_name": task,
                "dataset_name": "Made",
            }
        )
    (root / "Foundation" / "Foundation_meta.json").write_text(json.dumps(items))


def blab(root: Path, file: str, truth: list, server: MediaServer | None = None, **more: str) -> None:
    """Made-up items in the keys of a list of BLAB; their recordings in the folder, or on a server."""
    items = []
    for number in range(ITEMS):
        path = root / f"audio/{file}_{number}.wav"
        sound(path, 1 + number / 2)
        item = {"audio": path.name, "question": "How many?", "groundtruth": truth[number]}
        item["video_url"] = f"https://unreachable.invalid/{path.name}"
        if server is not None:
            item["video_url"] = server.add(f"/{path.name}", path.read_bytes())
            path.unlink()
        items.append(item | more)
    (root / f"{file}.json").write_text(json.dumps(items))


@pytest.fixture(scope="module")
def server():
    """The web that one of BLAB's lists points to."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def flow(tmp_path_factory, server) -> Workflow:
    """One run of all of them with a small model of random weights."""
    made = Workflow(tmp_path_factory.mktemp("benchmarks"))
    roots = {task: made.folder / "stand-ins" / task for task in TASKS}
    for root in roots.values():
        root.mkdir(parents=True)
    for make in (mmau_mini, mmar, mmau_pro, mmsu, air_bench):
        make(roots[make.__name__])
    blab(roots["blab_speakers"], "speaker_number_estimation", ["[2, 4]", "1", "[5, 6]"], server)
    blab(roots["blab_duration"], "entire_duration", [1, 2, 2])
    blab(roots["blab_events"], "event_duration", [3, 1, 2], answer_type="seconds")
    places = roots | {"air_bench": roots["air_bench"] / "Foundation"}
    sources: dict[str, dict] = {task: {"root": str(place)} for task, place in places.items()}
    for task in ("blab_duration", "blab_events"):
        sources[task]["columns"] = {"url": None}
    made.configure(
        {
            "default_model": "moderate",
            "evaluate": {"bootstrap": 100, "warm_up": 0},
            "grid": [{"tasks": list(TASKS), "methods": ["frame"], "ratios": [0.5]}],
            "prefill": [],
            "fetch": {"requests_per_hour": None, "retries": 0},
            "tasks": {task: {"data": {"source": source}} for task, source in sources.items()},
            "models": {"moderate": SMALL["models"]["moderate"]},
        }
    )
    made.run("-j2", *(f"results/{task}_frame_0.5.json" for task in TASKS))
    return made


@pytest.mark.parametrize("task", TASKS)
def test_a_benchmark_runs_from_its_layout_to_its_groups(flow, task):
    facet, measure = TASKS[task]
    path = flow.folder / f"results/{task}_frame_0.5.json"
    made = json.loads(path.read_text())
    jsonschema.validate(made, schema("result"))
    rows = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    for row in rows:
        jsonschema.validate(row, schema("sample"))
    assert made["counts"]["scored"] == made["counts"]["total"] == len(rows) == ITEMS
    assert 0 <= made["metrics"][measure]["value"] <= 1
    assert made["reduction"]["keep_ratio_effective"] < 0.6
    if facet is not None:
        assert sum(row["n"] for row in made["per_group"] if row["facet"] == facet) == ITEMS


def test_blabs_recordings_are_fetched_whole_from_the_addresses_of_its_list(flow, server):
    assert server.asked(*(f"/speaker_number_estimation_{number}.wav" for number in range(ITEMS))) >= ITEMS
    lines = (flow.folder / "results/blab_speakers_frame_0.5.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["duration_s"] for line in lines) == [1.0, 1.5, 2.0]
    assert not list((flow.folder / "stand-ins/blab_speakers/audio").iterdir())


def test_an_item_shows_the_options_that_it_has(flow):
    def shown(task: str) -> list[int]:
        lines = (flow.folder / f"results/{task}_frame_0.5.jsonl").read_text().splitlines()
        return sorted(len(json.loads(line)["options"]) for line in lines)

    assert shown("mmau_mini") == [2, 3, 4]
    assert shown("air_bench") == [2, 3, 3]
    assert shown("blab_speakers") == [0, 0, 0]
