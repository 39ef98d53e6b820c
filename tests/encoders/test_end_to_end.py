"""From tars to results: every metric, two encoders told apart, an exact resume, what a checkpoint holds."""

from __future__ import annotations

import json

import pytest
import torch
import xares_tars as tars
from safetensors.torch import load_file

from earmark.core.errors import UserError
from earmark.systems.encoders import store, train
from earmark.training.stage import Steps

KEYS = {"Accuracy": "label", "iWER": "trans", "iCER": "trans", "mAP": "labels", "FENSE": "captions"}


@pytest.mark.parametrize(
    ("metric", "headline", "beside"),
    [
        ("Accuracy", "accuracy", {"outside_labels"}),
        ("iWER", "iwer", set()),
        ("iCER", "icer", set()),
        ("mAP", "likelihood_ap", {"map_hard_labels", "set_f1", "outside_labels"}),
    ],
)
def test_every_metric_comes_with_its_interval(trained, metric, headline, beside):
    made = trained.score(trained.answer(trained.checkpoint, metric, KEYS[metric]), metric)
    found = made["metrics"][headline]
    assert made["headline"] == headline and found["low"] <= found["value"] <= found["high"]
    assert made["metrics"].keys() == {headline} | beside and made["counts"]["scored"] == 12
    assert made["timing"]["training"]["steps"] == 150 and made["not_computed"] == {}


def test_what_the_models_of_a_metric_are_missing_for_is_said_and_not_replaced(trained):
    made = trained.score(trained.answer(trained.checkpoint, "FENSE", "captions"), "FENSE")
    assert made["metrics"]["fense"]["value"] is None and "mecat" in made["not_computed"]["fense"]


def test_a_result_names_what_was_answered_and_not_how_long_it_took(trained, tmp_path):
    made = trained.answer(trained.checkpoint)
    rows = [json.loads(line) for line in made.with_suffix(".jsonl").read_text().splitlines()]

    def named(change):
        again = tmp_path / made.name
        again.write_text(made.read_text())
        again.with_suffix(".jsonl").write_text("".join(json.dumps(row | change) + "\n" for row in rows))
        return trained.score(again)["provenance"]["answers_sha256"]

    assert named({"seconds": 9.5}) == trained.score(made)["provenance"]["answers_sha256"]
    assert named({"answer": "other"}) != named({})


def test_a_clip_is_asked_once_and_scored_against_all_its_references_or_each(trained):
    answers = trained.answer(trained.checkpoint, "iWER", "captions")
    rows = [json.loads(line) for line in answers.with_suffix(".jsonl").read_text().splitlines()]
    assert len(rows) == 12 and {len(row["references"]) for row in rows} == {2}
    assert [row["id"] for row in rows][:2] == ["test_0/clip_000", "test_0/clip_001"]
    right, upstream = (trained.score(answers, "iWER", compat) for compat in ("none", "xares"))
    assert right["metrics"]["iwer"]["n"] == 12 and upstream["metrics"]["iwer"]["n"] == 24
    assert upstream["asked"]["compat"] == "xares"


def test_an_encoder_that_hears_tones_is_told_from_one_that_does_not(trained, bench):
    ours = trained.score(trained.answer(trained.checkpoint))["metrics"]["accuracy"]
    deaf = bench.deaf()
    theirs = bench.score(bench.answer(bench.train(deaf, normalise=False), tower=deaf))["metrics"]["accuracy"]
    assert ours["value"] >= 0.75 and theirs["value"] <= 0.5


def test_an_interrupted_training_ends_with_the_same_bits(trained, bench, monkeypatch):
    from earmark.systems.encoders.learner import Order

    shares = Order.shares

    def interrupted(order, steps: Steps):
        for number, share in enumerate(shares(order, steps), steps.first):
            if number == 30:
                raise KeyboardInterrupt
            yield share

    with monkeypatch.context() as patched:
        patched.setattr(Order, "shares", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bench.train(work=bench.folder / "work")
    assert not (bench.folder / "model" / "checkpoint.json").exists()
    assert [path.name for path in (bench.folder / "work").glob("step-*")] == ["step-000000020"]
    resumed = bench.train(work=bench.folder / "work")
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        first, second = (load_file(record.parent / name) for record in (trained.checkpoint, resumed))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_checkpoint_holds_the_projector_and_the_adapter_and_nothing_else(trained):
    folder = trained.checkpoint.parent
    projector = load_file(folder / "model.safetensors")
    assert {"mean", "deviation", "layers.0.weight", "layers.0.bias"} == projector.keys()
    adapter = load_file(folder / "adapter" / "adapter_model.safetensors")
    assert all("lora_" in name for name in adapter)
    assert not any("spectrum" in path.name for path in folder.rglob("*"))


def test_an_interrupted_job_of_answers_goes_on_behind_the_last_clip(trained, monkeypatch):
    from earmark.systems.encoders.answer import Asking

    whole = trained.answer(trained.checkpoint, batch_size=2).with_suffix(".jsonl").read_text()
    batch, asked = Asking._batch, []

    def counted(asking, waiting):
        asked.append([clip.key for clip, _ in waiting])
        if len(asked) == 3:
            raise KeyboardInterrupt
        return batch(asking, waiting)

    monkeypatch.setattr(Asking, "_batch", counted)
    with pytest.raises(KeyboardInterrupt):
        trained.answer(trained.checkpoint, batch_size=2)
    again = trained.answer(trained.checkpoint, batch_size=2).with_suffix(".jsonl").read_text()
    told = [[{**json.loads(line), "seconds": 0} for line in text.splitlines()] for text in (whole, again)]
    assert told[0] == told[1] and len(asked) == 3 + 4


def test_features_are_those_of_each_clip_whatever_the_batch(bench):
    alone = store.Features(bench.features("test_0.tar"))
    single = {
        row.key: alone.of("test_0", row.key)
        for row in store.read(bench.features("test_0.tar"), "test_0").rows
    }
    together = store.Features(bench.features("test_0.tar", batch_clips=5))
    for key, features in single.items():
        assert torch.allclose(features, together.of("test_0", key), atol=1e-5)


def test_features_of_a_long_training_clip_are_of_one_stretch(bench):
    tars.write(bench.folder / "long.tar", [("a", tars.wav(tars.tone(["do"], 3.0)), {"label": "do"})])
    cut = store.read(bench.features("long.tar", form="crop2-42-float32"), "long").rows[0]
    whole = store.read(bench.features("long.tar"), "long").rows[0]
    assert (cut.seconds, whole.seconds, cut.frames, whole.frames) == (2.0, 3.0, 20, 30)


@pytest.mark.parametrize(
    ("said", "audio", "reason"),
    [
        ({"other": 1}, tars.wav(tars.tone(["do"])), "no label"),
        ({"label": "do"}, b"RIFF", "unreadable"),
        ({"label": "do"}, tars.wav(tars.tone(["do"])[:0]), "no samples"),
        ({"label": [["x"]]}, tars.wav(tars.tone(["do"])), "bad label"),
    ],
)
def test_a_clip_that_cannot_be_used_is_counted_with_its_reason(bench, said, audio, reason):
    good = tars.tones(3)
    tars.write(bench.folder / "mixed.tar", [*good, ("odd", audio, said)])
    found = train.material.read(bench.features("mixed.tar"), ["mixed"], "label")
    assert (found.total, len(found.clips)) == (4, 3)
    [failure] = found.failures
    assert failure.name == "mixed/odd" and failure.reason.startswith(reason)


def test_an_encoder_that_fails_on_a_clip_costs_that_clip_alone(bench):
    path = bench.folder / "spectrum.py"
    text = path.read_text().replace(
        "        frames =", "        assert audio.shape[1] > 7000, 'short'\n        frames =", 1
    )
    path.write_text(text)
    short = ("short", tars.wav(tars.tone(["do"])[:5000]), {"label": "do"})
    tars.write(bench.folder / "mixed.tar", [*tars.tones(3), short])
    rows = store.read(bench.features("mixed.tar"), "mixed").rows
    assert [row.reason for row in rows] == ["", "", "", "encoder (fails (AssertionError: short))"]


def test_a_shard_that_was_cut_off_is_named_in_one_line(bench):
    shard = bench.folder / "test_0.tar"
    shard.write_bytes(shard.read_bytes()[:40_000])
    with pytest.raises(UserError, match=rf"^{shard} is damaged \(.*\); get it again$"):
        bench.features(shard.name)


def test_a_training_without_enough_usable_clips_ends_in_one_line(bench):
    unlabelled = [(key, audio, {"other": 1}) for key, audio, _ in tars.tones(12)]
    tars.write(bench.folder / "train_1.tar.gz", unlabelled)
    with pytest.raises(
        UserError, match=r"data set 'tones': 12 of 24 clips failed .* no label .*max_failed_share"
    ):
        bench.train(max_failed_share=0.1)


def test_a_language_model_without_an_end_is_refused(causal_lm, tmp_path):
    import shutil

    from earmark.models.checkpoint import Checkpoint, describe_folder
    from earmark.systems.encoders.speaker import Speaker

    folder = tmp_path / "endless"
    shutil.copytree(causal_lm.folder, folder)
    content = json.loads((folder / "tokenizer_config.json").read_text())
    content.pop("eos_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="the tokenizer names no token that ends a text"):
        Speaker(Checkpoint(folder, describe_folder(folder, {}, folder)), "cpu")


def test_upstreams_way_trains_with_the_encoder_in_the_loop_and_learns_too(bench):
    record = bench.train(compat="xares", normalise=False, training={"max_steps": 20})
    stage = json.loads((record.parent / "training.json").read_text())["stages"][0]
    assert stage["curve"][-1][1] < stage["curve"][0][1]


def test_the_loss_of_two_processes_is_that_of_one(trained):
    from earmark.models.checkpoint import Checkpoint
    from earmark.systems.encoders.learner import Learner, Order
    from earmark.systems.encoders.order import Source
    from earmark.systems.encoders.reading import projector_of
    from earmark.systems.encoders.speaker import Speaker

    folder = trained.folder / "features" / "own" / "crop30-42-float32"
    found = train.material.read(folder, ["train_0", "train_1"], "label")
    made = Checkpoint.read(trained.checkpoint)
    speaker = Speaker(made.part("decoder"), "cpu")
    learner = Learner(speaker, projector_of(made.folder))
    sources = [Source("tones", ("Which?",), 1.0, found.shards)]
    order = Order(sources, store.Features(folder), speaker, size=3, bucket=128, seed=0, crop_s=30)
    for step in range(3):
        whole, first, second = (
            learner.loss(next(order.shares(Steps(step, step + 1, process, processes))))
            for process, processes in ((0, 1), (0, 2), (1, 2))
        )
        assert first.items + second.items == whole.items
        assert torch.allclose(first.total + second.total, whole.total, rtol=1e-5)


def trained(record):
    """How many processes trained, and the losses."""
    made = json.loads((record.parent / "training.json").read_text())
    return made["processes"], [loss for _, loss, *_ in made["stages"][0]["curve"]]


def test_two_processes_train_as_one_does_and_bfloat16_nearly_so(bench):
    steps = {"max_steps": 8, "warmup_steps": 2}
    first, one = trained(bench.train(output="one", training=steps))
    second, two = trained(bench.train(output="two", training=steps, processes=2))
    _, half = trained(bench.train(output="half", training=steps, processes=1, precision="bf16"))
    assert (first, second) == (1, 2)
    assert len(one) == 8 and two == pytest.approx(one, abs=2e-4)
    assert half == pytest.approx(one, rel=0.05) and half != one and half[-1] < half[0]


def test_all_texts_of_a_clip_can_be_learned_in_one_step(bench):
    keys = {"max_steps": 8, "warmup_steps": 2, "sort_by_length": 4}
    apart = bench.train(output="apart", key="captions", training=keys)
    together = bench.train(output="together", key="captions", training=keys | {"texts_together": True})
    said = [json.loads((record.parent / "training.json").read_text()) for record in (apart, together)]
    # four clips a step have two captions each, where four samples have one, short or long
    items = [content["stages"][0]["totals"]["items"] for content in said]
    assert items[1] == pytest.approx(2 * items[0], rel=0.25)
    assert said[1]["settings"]["training"]["texts_together"] is True


def test_a_scored_encoder_of_another_kind_is_a_composed_model_too(bench, tmp_path):
    from test_towers import RANDOM

    from earmark.config.projector import Projector
    from earmark.core.files import write_json
    from earmark.models import towers
    from earmark.models.checkpoint import Checkpoint, describe_folder
    from earmark.models.composed import Decoder, Encoder
    from earmark.models.families import family
    from earmark.models.towers.asked import Tower

    kind = "wav2vec2"
    folder = tmp_path / kind
    towers.load(Tower(kind=kind, random=RANDOM[kind][0]), None, "cpu").model.save_pretrained(folder)
    record = tmp_path / "encoder.json"
    write_json(record, {**describe_folder(folder, {}, folder), "folder": str(folder)})
    tower = {"kind": kind, "dtype": "float32"}
    made = Checkpoint.read(bench.train(tower, encoder=record, training={"max_steps": 3}))
    encoder, decoder = Encoder(made, "cpu", "float32"), Decoder(made, "cpu", "float32", "sdpa")
    sound = tars.tone(["do"], 1.0)
    [states] = encoder.states([encoder.mel(sound)], ["encoder", "projector"])
    stored = store.Features(bench.features("test_0.tar", tower, encoder=record)).of("test_0", "clip_000")
    heard = family(kind).encoder(made.part("encoder"), "cpu", "float32").encode([encoder.mel(sound)])[0]
    assert torch.allclose(decoder.project(heard), states["projector"], atol=1e-5)
    assert decoder.project(stored).shape == (len(stored), 32)
    audio = family("composed").hears(Projector(stack=2, heard_by=kind))
    assert (audio.samples_per_token, audio.positions_per_token, audio.attention_s) == (640, 2, None)


def test_a_scored_whisper_is_a_composed_model_that_others_read(bench, whisper):
    from earmark.core.files import write_json
    from earmark.models.checkpoint import Checkpoint
    from earmark.models.composed import Decoder, Encoder

    record = bench.folder / "whisper.json"
    write_json(record, {**whisper.content, "folder": str(whisper.folder)})
    tower = {"kind": "whisper", "dtype": "float32"}
    made = Checkpoint.read(bench.train(tower, encoder=record, training={"max_steps": 3}))
    decoder = Decoder(made, "cpu", "float32", "sdpa")
    encoder = Encoder(made, "cpu", "float32")
    mel = encoder.mel(tars.tone(["do"]))
    [states] = encoder.states([mel], ["encoder", "projector"])
    stored = store.Features(bench.features("test_0.tar", tower, encoder=record)).of("test_0", "clip_000")
    assert decoder.project(stored).shape == states["projector"].shape == (25, 32)
    assert {"encoder", "decoder"} == made.content["parts"].keys()
    assert any(name.startswith("adapter/") for name in made.content["files"])
