"""Every method answers on both families, end to end from a shard of states to a checked record."""

from __future__ import annotations

import json
from pathlib import Path

import cells
import jsonschema
import pytest
import torch
from safetensors.torch import save_file

from answer import main as answer
from earmark.config.schema import schema
from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.jsonl import read_jsonl
from earmark.core.records import Clip
from earmark.models.features import FeatureRow, scores_key, times_of, write_index, write_times
from earmark.reduction.encoder_scores import LOUDNESS, SCORES
from earmark.reduction.loader import available
from earmark.systems.pruning.request import files, method
from earmark.systems.pruning.samples import samples_of
from earmark.systems.pruning.speed_record import SpeedRecord
from methods_speed import main as methods_speed
from score import main as score

SECONDS = (4.0, 2.0, 6.0, 70.0)
TASK = {
    "name": "sounds",
    "answers": "choice",
    "balanced_by": "label",
    "question": "What is heard?",
    "options": 2,
    "prompt": {"template": "{question}\n{options}", "system": None, "option_mark": "."},
    "choices": None,
    "leave_out": [],
    "max_new_tokens": 3,
    "long_audio": "error",
    "sample_limit": None,
    "balanced": False,
}
SCORING = {
    "task": {
        "title": "Sounds",
        "profile": "default",
        "metric": "classes",
        "normaliser": "plain",
        "parser": "letter",
    },
    "run": {"seed": 0, "max_failed_share": 0.5, "bootstrap": 20},
    "labels": [],
}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A shard of random states of four clips, two families' width, and its index."""
    folder = tmp_path_factory.mktemp("states")
    draw = torch.Generator().manual_seed(0)
    clips = [
        Clip(f"c{i}", [f"c{i}"], [], s, 16000, 1, "test", ["rain" if i % 2 else "dog bark"])
        for i, s in enumerate(SECONDS)
    ]
    rows = [FeatureRow(clip, round(25 * clip.duration_s), 0.01, 0.01, 0.1) for clip in clips]
    shard = {r.clip.key: torch.randn(r.tokens, 32, generator=draw) for r in rows}
    for name in (*SCORES, LOUDNESS):
        shape = [8] if name == "keys" else []
        shard |= {scores_key(r.clip.key, name): torch.rand(r.tokens, *shape, generator=draw) for r in rows}
    save_file(shard, folder / "s.safetensors")
    write_index(folder / "s.parquet", rows, {"source": "made"})
    write_times(times_of(folder / "s.parquet"), rows)
    return folder


@pytest.fixture
def evaluated(states, tmp_path, request):
    """Evaluate a method on a family; returns the record and the rows."""

    def evaluate(kind, method, ratio=0.4, policy="window", **model):
        fixture = {"omni": "checkpoint"}.get(kind, kind)
        checkpoint = request.getfixturevalue(fixture)
        entry = {
            "name": "tiny",
            "kind": kind,
            "dtype": "float32",
            "attention": "sdpa",
            "max_audio_s": 300,
            "load": {"mode": "full", "resident_layers": 0, "prefill_chunk": None},
            "projector": {"kind": "linear", "pool": 1, "stack": 2, "hidden": 8},
        }
        settings = {
            "task": TASK | {"long_audio": policy},
            "model": entry | model,
            "method": {
                "name": method,
                "reducer": method,
                "kind": "cache" if method.startswith("kv-") else "tokens",
                "layer": 0 if method.startswith("kv-") else 1,
                "options": {},
                "reference": False,
                "keep_ratio": 1.0 if method == "base" else ratio,
                "keep_tokens": None,
            },
            "run": {"seed": 0, "device": "cpu", "batch_audio_s": 100, "warm_up": 0},
        }
        record = tmp_path / "checkpoint.json"
        write_json(record, checkpoint.record | {"folder": str(checkpoint.folder)})
        answers, output = tmp_path / "answers" / f"{method}.json", tmp_path / f"{method}.json"
        answer(
            [states / "s.parquet"],
            record,
            json.dumps(settings),
            answers,
            tmp_path / "work",
            [states / "s.safetensors"],
            code="test",
        )
        for row in read_jsonl(answers.with_suffix(".jsonl")):
            jsonschema.validate(row, schema("answer"))
        score(answers, json.dumps(SCORING), output, "test")
        for row in read_jsonl(output.with_suffix(".jsonl")):
            jsonschema.validate(row, schema("sample"))
        return json.loads(output.read_text()), read_jsonl(output.with_suffix(".jsonl"))

    return evaluate


@pytest.mark.parametrize("method", [*available(), *available("kv-")])
@pytest.mark.parametrize("kind", ["omni", "qwen2_audio", "composed"])
def test_every_method_answers_on_every_family(evaluated, kind, method):
    record, rows = evaluated(kind, method)
    assert record["counts"]["scored"] == len(SECONDS) and record["counts"]["failed"] == 0
    # Qwen2-Audio hears 70 s as three windows, Omni as one; of the composed model's states two make a token
    assert [row["windows"] for row in rows] == [1, 1, 1, {"qwen2_audio": 3, "composed": 2}.get(kind, 1)]
    assert record["asked"]["max_audio_s"] == (300 if kind == "omni" else 30)
    per_token = 2 if kind == "composed" else 1
    kept = 1.0 if method == "base" else 0.4
    assert record["reduction"]["keep_ratio_effective"] == pytest.approx(kept, abs=0.01)
    cache = method.startswith("kv-")
    assert record["asked"]["kind"] == ("cache" if cache else "tokens")
    assert ("prefill" in (record["reduction"]["note"] or "")) == cache
    # two tensors of one head of 16 numbers of four bytes in each of three layers
    entry, text = 2 * 16 * 4, rows[1]["cache_bytes"] // (2 * 16 * 4 * 3) - round(50 // per_token * kept)
    if method == "base" or cache:
        assert rows[0]["cache_bytes"] == 3 * entry * (text + round(100 // per_token * kept))
    memory = record["timing"]["memory"]
    # in a process that has run others before, the peak may be no more than what it started with
    assert memory["process_peak_bytes"] > 0.9 * memory["process_start_bytes"] > 0 == memory["streamed_bytes"]


@pytest.mark.parametrize(
    ("policy", "scored", "truncated", "windowed"),
    [("error", 3, 0, 0), ("truncate", 4, 1, 0), ("window", 4, 0, 1)],
)
def test_what_is_longer_than_qwen2_audio_hears_follows_the_tasks_policy(
    evaluated, policy, scored, truncated, windowed
):
    # max_audio_s of 300 is more than the family takes
    record, rows = evaluated("qwen2_audio", "dart", policy=policy)
    counts = record["counts"]
    assert (counts["scored"], counts["truncated"], counts["windowed"]) == (scored, truncated, windowed)
    tokens = {"error": None, "truncate": 750, "window": 1750}[policy]
    assert rows[3]["tokens_before"] == tokens
    assert policy != "error" or "longer" in rows[3]["reason"]


def test_prefills_are_timed_on_joined_clips_whatever_a_method_needs(states, tmp_path, composed):
    names = [name for name in available() if name != "base"] + ["kv-snap"]
    methods = [
        {
            "name": name,
            "reducer": name,
            "kind": "cache" if name.startswith("kv-") else "tokens",
            "layer": 0 if name.startswith("kv-") else 1,
            "options": {},
            "reference": False,
        }
        for name in names
    ]
    entry = {
        "name": "tiny",
        "kind": "composed",
        "dtype": "float32",
        "attention": "sdpa",
        "max_audio_s": 30,
        "load": {"mode": "full", "resident_layers": 0, "prefill_chunk": None},
        "projector": {"kind": "linear", "pool": 1, "stack": 2, "hidden": 8},
    }
    base = {"name": "base", "reducer": "base", "kind": "tokens", "layer": 1, "options": {}}
    base |= {"reference": False, "keep_ratio": 1.0, "keep_tokens": None}
    run = {"seed": 0, "device": "cpu", "batch_audio_s": 100, "warm_up": 0}
    cell = {"task": TASK | {"long_audio": "window"}, "model": entry, "method": base, "run": run}
    asked = {"cell": cell, "methods": methods, "ratios": [0.5, 0.25], "audio_s": 8.0, "prompts": 3}
    write_json(tmp_path / "checkpoint.json", composed.record | {"folder": str(composed.folder)})
    methods_speed(
        [states / "s.parquet"],
        tmp_path / "checkpoint.json",
        json.dumps(asked),
        tmp_path / "speeds.json",
        [states / "s.safetensors"],
        code="test",
    )
    record = SpeedRecord.read(json.loads((tmp_path / "speeds.json").read_text()), "speeds.json")
    # 8 s are 200 tokens, where the clips have 50, 25 and 75 and the last one more
    assert (record.prompts, record.audio_tokens, record.clock) == (3, 200, "processor")
    assert [(point.method, point.ratio) for point in record.points] == [
        (name, ratio) for name in names for ratio in (0.5, 0.25)
    ]
    for point in record.points:
        assert point.tokens_kept == pytest.approx(200 * point.ratio, abs=1), point.method
        assert 0 < point.low <= point.speedup <= point.high and point.seconds > 0 and point.choosing > 0


def test_low_memory_gives_the_same_record(evaluated):
    plain, rows = evaluated("qwen2_audio", "dart")
    small, same = evaluated(
        "qwen2_audio", "dart", load={"mode": "layerwise", "resident_layers": 0, "prefill_chunk": 50}
    )
    assert [(r["answer"], r["tokens_after"], r["cache_bytes"]) for r in rows] == [
        (r["answer"], r["tokens_after"], r["cache_bytes"]) for r in same
    ]
    assert small["timing"]["memory"]["streamed_bytes"] > 0
    assert small["metrics"] == plain["metrics"]


def test_a_right_answer_that_is_no_option_names_the_clip_and_the_fix():
    cell = cells.cell(**TASK | {"choices": ["rain", "wind"]})
    row = FeatureRow(Clip("c0", ["c0"], [], 1, 16000, 1, "test", ["dog bark"]), 25, 0, 0, 0)
    with pytest.raises(UserError, match=r"right answer of clip c0, 'dog bark', is none of .*task's choices"):
        samples_of(cell, [row], 25)


def test_results_of_earlier_records_without_the_new_keys_stay_valid(evaluated):
    record, _ = evaluated("omni", "kv-knorm")
    del record["asked"]["kind"], record["reduction"]["cache_bytes"], record["timing"]["memory"]
    assert not list(jsonschema.Draft202012Validator(schema("result")).iter_errors(record))
    del record["asked"]["method"]
    assert len(list(jsonschema.Draft202012Validator(schema("result")).iter_errors(record))) == 1


def test_a_cache_method_takes_no_layer_and_its_file_is_its_own():
    settings = Settings.load(
        {"default_model": "demo", "methods": {"s": {"reducer": "kv-snap", "options": {"window": 8}}}},
        Path.cwd(),
    )
    found = method(settings, "s", 2)
    assert (found.kind, found.layer) == ("cache", 0)
    assert files(settings, "s") == ["earmark/compression/snap.py"]
    with pytest.raises(UserError, match=r"methods\.s\.layer: kv-snap compresses every layer"):
        Settings.load(
            {"default_model": "demo", "methods": {"s": {"reducer": "kv-snap", "layer": 2}}}, Path.cwd()
        )
