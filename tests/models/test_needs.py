"""What a job needs is known before it starts, and said where there wasn't enough."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
import torch
import warm
import yaml

from earmark.config.composed import known
from earmark.config.load import Load
from earmark.config.projector import Projector
from earmark.config.settings import Settings
from earmark.core import memory
from earmark.core.places import ROOT, SCRIPTS
from earmark.models import needs
from earmark.models.families import family
from earmark.models.outline import Outline, loaded
from earmark.workflow.messages import killed, last_line

# docs/low_memory.md: GB of weights in full, layerwise.
PUBLISHED = {
    ("omni", "Qwen/Qwen2.5-Omni-3B"): (6.79, 1.40),
    ("omni", "Qwen/Qwen2.5-Omni-7B"): (15.23, 2.65),
    ("qwen2_audio", "Qwen/Qwen2-Audio-7B"): (15.51, 2.96),
}


def published(kind, hub, **load):
    return Outline(kind, "bfloat16", hub=hub, load=Load(**load))


@pytest.mark.parametrize(("model", "gigabytes"), PUBLISHED.items(), ids=lambda value: str(value[-1]))
def test_published_models_need_what_the_docs_say(model, gigabytes):
    found = [
        needs.evaluating(published(*model, mode=mode), 120).weights / 1e9 for mode in ("full", "layerwise")
    ]
    assert found == pytest.approx(gigabytes, abs=0.006)


@pytest.mark.parametrize("kind", ["omni", "qwen2_audio"])
@pytest.mark.parametrize("load", [{}, {"mode": "layerwise"}, {"mode": "layerwise", "resident_layers": 2}])
def test_a_local_folder_needs_what_its_files_hold(kind, load, checkpoint, qwen2_audio):
    stored = {"omni": checkpoint, "qwen2_audio": qwen2_audio}[kind]
    weights = needs.weights_of(Outline(kind, folder=stored.folder))
    decoder = family(kind).decoder(stored, "cpu", "float32", "sdpa", load=Load(**load))
    held, streamed = decoder.weight_bytes()
    layer = 4 * weights.layers[0]
    in_flight = layer if streamed else 0
    assert needs.held(weights, "float32", Load(**load)) == held + in_flight
    assert streamed == layer * (3 - load.get("resident_layers", 0)) * bool(load)
    encoder = family(kind).encoder(stored, "cpu", "float32")
    parts = [encoder.tower, getattr(encoder, "projector", None)]
    assert weights.encoder == sum(p.numel() for part in parts if part for p in part.parameters())


def test_longer_batches_wider_numbers_and_both_parts_need_more():
    one = published("omni", "Qwen/Qwen2.5-Omni-3B")
    small, large = needs.evaluating(one, 300), needs.evaluating(one, 1200)
    assert small.total < large.total and small.weights == large.weights
    assert needs.evaluating(replace(one, dtype="float32"), 300).weights == 2 * small.weights
    assert needs.embedding(one, 300).total > max(small.total, needs.encoding(one, 300).total)
    chunked = published("omni", "Qwen/Qwen2.5-Omni-3B", prefill_chunk=512)
    assert needs.evaluating(chunked, 1200).total < large.total
    assert large.mem_mb % 100 == 0 and large.mem_mb * 1e6 >= large.total


def test_what_was_measured_at_3b_lies_within_what_is_asked_for():
    # Two clips of 105 s together; peaks in GB: evaluation in full and in low memory, encoding.
    full = replace(published("omni", "Qwen/Qwen2.5-Omni-3B"), max_audio_s=105)
    low = replace(full, load=Load(mode="layerwise", resident_layers=8, prefill_chunk=512))
    found = [
        needs.evaluating(full, 105).total,
        needs.evaluating(low, 105).total,
        needs.encoding(full, 600).total,
    ]
    for need, peak in zip(found, (7.9, 3.03, 2.08), strict=True):
        assert peak <= need / 1e9 <= 1.6 * peak


def test_nothing_known_asks_for_what_was_asked_for_before():
    assert needs.evaluating(published("omni", "somebody/else"), 300).mem_mb == 8000


def test_torchs_own_errors_are_known_for_what_they_are():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 50)
    assert memory.ran_out(refused.value)
    assert memory.ran_out(MemoryError()) and memory.ran_out(OSError(12, "Cannot allocate memory"))
    assert memory.ran_out(torch.OutOfMemoryError("CUDA out of memory"))
    assert not memory.ran_out(RuntimeError("shapes differ")) and not memory.ran_out(OSError(2, "no file"))


def test_a_job_out_of_memory_ends_in_one_line_that_says_so():
    code = (
        "import torch, typer\nfrom earmark.core import cli, memory\n"
        "def main():\n    memory.announce(9_100_000_000, 6_790_000_000)\n    torch.empty(1 << 50)\n"
        "cli.run(main)"
    )
    done = subprocess.run(
        [warm.python(), "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SCRIPTS)},
        timeout=600,
    )
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith("error: out of memory (about 9.1 GB needed, 6.8 of them weights; ")
    assert "docs/low_memory.md" in said
    assert done.stdout.startswith("memory: about 9.1 GB needed")


def test_a_killed_job_is_told_from_one_that_ended_in_an_error(tmp_path):
    log = tmp_path / "evaluate.log"
    log.write_text(
        "memory: about 9.1 GB needed, 6.8 of them weights; 5.0 GB free of 8.0 GB\nx: 3 of 8 rows\n"
    )
    assert last_line([str(log)]) == ""
    said = killed("evaluate", [str(log)])
    assert "most likely killed for lack of memory (about 9.1 GB needed" in said and "low_memory.md" in said
    with log.open("a") as stream:
        stream.write("error: no such clip\n")
    assert last_line([str(log)]) == "error: no such clip"
    log.write_text("bash: python: command not found\n")
    assert last_line([str(log)]) == "bash: python: command not found" and killed("x", [str(log)]) == ""
    log.write_text("data/gtzan/recordings.parquet: rendering test: 512 of 640 clips, 9.2/s, 00:13 left\n")
    assert last_line([str(log)]) == ""


def test_a_composed_model_needs_what_its_parts_hold(composed, whisper, causal_lm):
    model = loaded(Outline("composed", projector=Projector(stack=2)), composed.folder, composed.content)
    found = needs.weights_of(model)
    heard = family("whisper").encoder(whisper, "cpu", "float32").tower
    said = family("causal_lm").decoder(causal_lm, "cpu", "float32", "sdpa").model
    assert found.encoder == sum(p.numel() for p in heard.parameters())
    between = 32 * 2 * 32
    assert sum(found.layers) + found.rest == sum(p.numel() for p in said.parameters()) + between
    assert needs.evaluating(model, 60) != needs.UNKNOWN


def test_what_a_composed_model_needs_is_known_before_its_parts_are_fetched(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    settings = Settings.load(config | yaml.safe_load((ROOT / "config" / "real.yaml").read_text()), ROOT)
    entry = known(settings, "real-sounds")
    # Measured: 0.89 GB at its peak in answering, 1.85 GB in training.
    assert 900 <= needs.evaluating(entry, 120).mem_mb <= 2500
    assert 1850 <= needs.composing(entry).mem_mb <= 3700
    assert needs.encoding(Outline.of(settings.model("whisper-base")), 120).mem_mb < 2500
