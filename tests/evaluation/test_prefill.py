"""Prefill timings: which runs are compared with which, by which clock, and what the record says of it."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch

from earmark.config.schema import schema
from earmark.config.settings import Settings
from earmark.core.files import write_json
from earmark.core.places import ROOT
from earmark.models.omni import Decoder
from earmark.systems.pruning import prefill, request
from earmark.systems.pruning.asked import Method
from earmark.systems.pruning.stopwatch import Stopwatch, Timed
from prefill import main as script

METHODS = [
    Method(name=name, reducer=name, kind="tokens", layer=1, options={}, reference=False)
    for name in ("random", "frame")
]


@pytest.mark.parametrize("on_processor", [False, True])
def test_a_reduced_prefill_is_compared_with_the_unpruned_ones_before_and_behind(
    checkpoint, monkeypatch, on_processor
):
    decoder = Decoder(checkpoint, "cpu", "float32", "sdpa")
    order, unpruned = [], iter([9.0, 4.0, 6.0, 10.0])  # the first brings the code in

    def once(watch: Stopwatch, reduction, on_processor: bool = False) -> Timed:
        name = type(reduction.reducer).__module__.rpartition(".")[2].removesuffix("_tokens")
        order.append(name)
        seconds = next(unpruned) if name == "base" else 2.0
        # The processor's clock runs at half the wall's where tokens are dropped.
        return Timed(seconds, seconds if name == "base" else 1.0, 0.1, 0.0, 20, (40, 20, 20))

    monkeypatch.setattr(Stopwatch, "once", once)
    points, prompt = prefill.measure(decoder, METHODS, [0.5], 40, 2, 0, on_processor)
    assert prompt > 40 and [point["method"] for point in points] == ["random", "frame"]
    assert order[:4] == ["base", "random", "frame", "base"] and order[6] == order[9] == "base"
    assert sorted(order[4:6]) == sorted(order[7:9]) == ["frame", "random"]
    for point in points:  # (4 + 6) / 2 / 2 and (6 + 10) / 2 / 2
        found = point["speedup_low"], point["speedup"], point["speedup_high"]
        assert found == pytest.approx([s * (1 + on_processor) for s in (2.5, 3.25, 4.0)])
        assert (point["base_s"], point["prefill_s"]) == (4.0, 1.0 if on_processor else 2.0)


@pytest.mark.parametrize("alone", [True, False])
def test_a_record_says_by_which_clock_and_whether_other_jobs_ran(checkpoint, tmp_path, alone):
    block = {"model": "moderate", "audio_s": 2, "methods": ["dart"], "ratios": [0.5], "alone": alone}
    settings = Settings.load({"default_model": "demo", "prefill": [block], "device": "cpu"}, ROOT)
    asked = request.prefill(settings, "moderate", 2)
    write_json(tmp_path / "checkpoint.json", checkpoint.record | {"folder": str(checkpoint.folder)})
    script(tmp_path / "checkpoint.json", json.dumps(asked.plain()), tmp_path / "timing.json")
    record = json.loads((tmp_path / "timing.json").read_text())
    jsonschema.validate(record, schema("timing"))
    assert torch.get_num_threads() == 1
    assert (record["clock"], record["alone"], record["threads"]) == ("processor", alone, 1)
    (point,) = record["points"]
    assert point["speedup_low"] <= point["speedup"] <= point["speedup_high"] and point["tokens_after"] == 25
