"""Encoder states are the same whether a stage before stores them or the answering job makes them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from answer import main as answer
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.jsonl import read_jsonl
from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.models.encoding import Encoding
from earmark.systems.pruning import through
from earmark.systems.pruning.heard import Stored
from earmark.systems.pruning.through import Through
from features import main as features

ENCODING = {"kind": "omni", "dtype": "float32", "batch_audio_s": 5, "device": "cpu", "source": "made"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory, checkpoint):
    """Two shards of sounds, their states and indexes, and the record of a checkpoint."""
    folder, dice = tmp_path_factory.mktemp("heard"), np.random.default_rng(0)
    record = folder / "checkpoint.json"
    write_json(record, checkpoint.record | {"folder": str(checkpoint.folder)})
    for number, lengths in enumerate(((1.0, 2.5, 3.0, 0.7), (4.0, 1.3))):
        clips = []
        for each, seconds in enumerate(lengths):
            name, path = f"c{number}{each}", folder / f"c{number}{each}.wav"
            soundfile.write(path, dice.normal(0, 0.1, int(16000 * seconds)), 16000)
            label = ["rain", "dog bark"][each % 2]
            part = [Part(str(path), 0.0, seconds)]
            clips.append(Clip(name, [name], part, seconds, 16000, 1, "test", [label], key=name))
        tar = folder / f"{number}.tar"
        shards.write(lambda clips=clips: iter(clips), tar, tar.with_suffix(".parquet"), shards.Form(16000))
        features(
            shard=tar,
            index=tar.with_suffix(".parquet"),
            checkpoint=record,
            settings=json.dumps(ENCODING),
            output=folder / f"states{number}.safetensors",
            output_index=folder / f"states{number}.parquet",
        )
    return folder


def sources(folder):
    """The states as files, and the same to be made on the way."""
    stored = Stored(*([folder / f"states{n}.{end}" for n in (0, 1)] for end in ("safetensors", "parquet")))
    tars, indexes = ([folder / f"{n}.{end}" for n in (0, 1)] for end in ("tar", "parquet"))
    return stored, Through(tars, indexes, folder / "checkpoint.json", Encoding.read(ENCODING, "encoding"))


@pytest.mark.parametrize("per_token", [1, 2])
def test_states_that_pass_through_are_those_that_would_be_stored(packed, per_token):
    with contextlib.ExitStack() as held:
        kept, passed = (each.open(held, per_token, torch.device("cpu")) for each in sources(packed))
        rows = [
            # where recordings lay is left out of what is stored
            [(replace(row.clip, parts=[]), row.tokens) for shard, _ in side.read for row in shard]
            for side in (kept, passed)
        ]
        assert rows[0] == rows[1] and len(rows[0]) == 6
        for clip, tokens in rows[0]:
            for span in ((0, tokens), (1, tokens - 1)):
                assert torch.equal(kept.store.states(clip.key, *span), passed.store.states(clip.key, *span))


def test_the_same_is_answered_and_nothing_is_stored(packed, tmp_path):
    stored, through = sources(packed)
    how = {
        "kept": {"features": stored.features, "index": stored.indexes},
        "through": {
            "tar": through.tars,
            "index": through.indexes,
            "encoder": through.encoder,
            "encoding": json.dumps(ENCODING),
        },
    }
    answers = {}
    for name, given in how.items():
        output = tmp_path / name / "x.json"
        answer(
            checkpoint=packed / "checkpoint.json",
            settings=json.dumps(CELL),
            output=output,
            work=tmp_path / "work",
            **given,
        )
        answers[name] = [(row["clip_id"], row["answer"]) for row in read_jsonl(output.with_suffix(".jsonl"))]
        made = json.loads(output.read_text())["provenance"]["data"]
        assert bool(made["states_sha256"]) == (name == "kept")
        assert {path.name for path in output.parent.iterdir()} == {"x.json", "x.jsonl"}
    assert answers["kept"] == answers["through"] and len(answers["kept"]) == 6


def test_states_that_no_memory_holds_are_refused_with_the_setting_that_helps(monkeypatch):
    monkeypatch.setattr(through.memory, "present", lambda: (8_000_000, 4_000_000))
    through.check_memory(4_000_000)
    with pytest.raises(UserError, match=r"take 5 MB of memory, 4 MB are there; set features\.states to temp"):
        through.check_memory(5_000_000)


CELL = {
    "task": {
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
    },
    "model": {
        "name": "tiny",
        "kind": "omni",
        "dtype": "float32",
        "attention": "sdpa",
        "max_audio_s": 300,
        "load": {"mode": "full", "resident_layers": 0, "prefill_chunk": None},
        "projector": {},
    },
    "method": {
        "name": "dart",
        "reducer": "dart",
        "kind": "tokens",
        "layer": 1,
        "options": {},
        "reference": False,
        "keep_ratio": 0.5,
        "keep_tokens": None,
    },
    "run": {"seed": 0, "device": "cpu", "batch_audio_s": 20, "warm_up": 0},
}
