"""The evaluation loop: batches equal single rows, memory is coped with, a kill costs one batch."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from earmark.evaluation import plan, result, runner
from earmark.evaluation.plan import Sample
from earmark.features import FeatureStore
from earmark.models.omni import Decoder
from earmark.reduction.loader import available, load
from earmark.scoring import choices
from earmark.tasks.letter import parse
from earmark.tasks.question import ask

METHODS = ["base", "dart", "fastv", "random", "frame", *available("kv-")]
LENGTHS = (60, 25, 41, 60, 33, 8, 52)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("features") / "f.safetensors"
    generator = torch.Generator().manual_seed(0)
    save_file({f"k{i}": torch.randn(n, 32, generator=generator) for i, n in enumerate(LENGTHS)}, path)
    return FeatureStore([path])


@pytest.fixture(scope="module")
def decoder(checkpoint):
    return Decoder(checkpoint, "cpu", "float32", "sdpa")


def samples(windows: int = 1) -> list[Sample]:
    made = []
    for i, n in enumerate(LENGTHS):
        question = ask("{question}\n{options}", "What is heard?", ["dog bark", "rain"], "rain")
        cut = plan.windows(n, -(-n // windows), "window")[0]
        made.append(Sample(f"c{i}", f"k{i}", "rain", n / 25, question, cut))
    return made


def judge(sample: Sample, texts: list[str]) -> dict:
    return choices.judge(texts, parse, sample.question, sample.label, {})


def loop(decoder, store, method="dart", ratio=0.5, windows=1, layer=0) -> runner.Loop:
    reduction = runner.Reduction(load(method), None if method == "base" else ratio, None, layer, 0, False)
    return runner.Loop(decoder, store, samples(windows), None, reduction, max_new_tokens=6)


def run(a_loop, max_tokens, journal, done=None):
    batches = plan.batches(a_loop.samples, max_tokens)
    with runner.open_journal(journal) as stream:
        return runner.evaluate(
            a_loop, batches, done or {}, stream, 1, lambda s, a: result.sample_row(s, a, judge)
        )


def untimed(rows):
    return {
        k: {n: v for n, v in row.items() if n not in ("seconds", "batch_rows")} for k, row in rows.items()
    }


@pytest.mark.parametrize("method", METHODS)
def test_batches_answer_as_single_rows_do(decoder, store, tmp_path, method):
    together = run(loop(decoder, store, method), 10**6, tmp_path / "a.jsonl")
    alone = run(loop(decoder, store, method), 1, tmp_path / "b.jsonl")
    assert untimed(together) == untimed(alone)
    assert {row["batch_rows"] for row in together.values()} == {len(LENGTHS)}


def test_greedy_answers_equal_generate_of_the_stock_model(decoder, store, checkpoint, tmp_path):
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    stock = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(checkpoint.folder).eval()
    rows = run(loop(decoder, store, "base"), 10**6, tmp_path / "a.jsonl")
    for i, sample in enumerate(samples()):
        ids = torch.tensor([decoder.prompt_ids(sample.question.prompt, None, LENGTHS[i])])
        embeddings = decoder.embed(ids, [store.states(f"k{i}", 0, LENGTHS[i])])
        with torch.no_grad():
            generated = stock.generate(
                inputs_embeds=embeddings,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=6,
                do_sample=False,
            )
        assert rows[sample.clip_id]["answer"] == [
            decoder.tokenizer.decode(generated[0], skip_special_tokens=True)
        ]


def test_a_batch_too_large_for_memory_is_halved_and_answers_stay(decoder, store, tmp_path, monkeypatch):
    expected = run(loop(decoder, store), 10**6, tmp_path / "a.jsonl")
    forward = Decoder.forward

    def short_of_memory(self, embeddings, *rest):
        if len(embeddings) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, embeddings, *rest)

    monkeypatch.setattr(Decoder, "forward", short_of_memory)
    halved = loop(decoder, store)
    assert untimed(run(halved, 10**6, tmp_path / "b.jsonl")) == untimed(expected)
    assert halved.halved == 3  # 7 rows as 3 + 4, then 1 + 2 and 2 + 2


def test_a_row_that_never_fits_fails_alone(decoder, store, tmp_path, monkeypatch):
    forward = Decoder.forward

    def no_room_for_the_longest(self, embeddings, *rest):
        if embeddings.shape[1] > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, embeddings, *rest)

    lengths = {
        s.clip_id: len(decoder.prompt_ids(s.question.prompt, None, n)) for s, n in zip(samples(), LENGTHS)
    }
    limit = sorted(lengths.values())[-3]
    monkeypatch.setattr(Decoder, "forward", no_room_for_the_longest)
    rows = run(loop(decoder, store), 10**6, tmp_path / "a.jsonl")
    assert {k for k, row in rows.items() if row["status"] == "failed"} == {
        k for k, n in lengths.items() if n > limit
    }
    assert {row["reason"] for row in rows.values() if row["status"] == "failed"} == {"out of memory"}


def test_other_errors_are_not_taken_for_lack_of_memory(decoder, store, tmp_path, monkeypatch):
    def broken(self, *rest):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Decoder, "forward", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run(loop(decoder, store), 10**6, tmp_path / "a.jsonl")


def test_after_a_kill_the_rest_is_run_and_the_rows_are_the_same(decoder, store, tmp_path, monkeypatch):
    expected = run(loop(decoder, store, windows=2), 150, tmp_path / "whole.jsonl")
    journal, forward, calls = tmp_path / "killed.jsonl", Decoder.forward, []

    def killed(self, *rest):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return forward(self, *rest)

    monkeypatch.setattr(Decoder, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        run(loop(decoder, store, windows=2), 150, journal)
    monkeypatch.setattr(Decoder, "forward", forward)
    with journal.open("a") as stream:
        stream.write('{"clip_id": "torn')  # what a kill in the middle of a write leaves
    from earmark.records import read_jsonl

    done = {row["clip_id"]: row for row in read_jsonl(journal, torn=True)}
    assert 0 < len(done) < len(LENGTHS)
    rows = run(loop(decoder, store, windows=2), 150, journal, done)
    assert untimed(rows) == untimed(expected)
    assert [rows[k]["seconds"] for k in done] == [row["seconds"] for row in done.values()], (
        "finished rows ran again"
    )
    assert sorted(json.loads(line)["clip_id"] for line in journal.read_text().splitlines()) == sorted(
        expected
    )


def test_windows_of_a_clip_vote():
    (sample, *_) = samples(windows=3)
    answers = [
        runner.Answer(text, 10, 5, 1, 9, 1, {"select": 0, "prefill": 1, "decode": 1})
        for text in ("B", "A", "B")
    ]
    row = result.sample_row(sample, answers, judge)
    assert row["predicted"] == "rain" and row["windows"] == 3 and row["tokens_after"] == 15


def test_a_failed_window_fails_the_sample():
    (sample, *_) = samples(windows=2)
    answer = runner.Answer("B", 10, 5, 1, 9, 1, {"select": 0, "prefill": 1, "decode": 1})
    row = result.sample_row(sample, [answer, "out of memory"], judge)
    assert (row["status"], row["correct"]) == ("failed", None)


def test_an_unparsed_answer_is_wrong_and_counted():
    (sample, *_) = samples()
    row = result.sample_row(
        sample, [runner.Answer("no idea", 10, 5, 1, 9, 1, {"select": 0, "prefill": 1, "decode": 1})], judge
    )
    assert (row["status"], row["parsed"], row["correct"], row["predicted"]) == ("scored", False, False, None)
