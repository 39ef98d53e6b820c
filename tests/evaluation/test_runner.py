"""The evaluation loop: batches equal single rows, memory is coped with, a kill costs one batch."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import save_file

from earmark.core.timing import MemoryWatch
from earmark.models.features import FeatureStore
from earmark.models.omni import Decoder
from earmark.reduction.loader import available, load
from earmark.scoring import catalogue
from earmark.scoring.parsers.letter import parse
from earmark.scoring.question import ask
from earmark.systems.pruning import plan, result, runner
from earmark.systems.pruning.answers import Answered
from earmark.systems.pruning.reduction import Reduction
from earmark.systems.pruning.samples import Sample
from earmark.systems.pruning.session import answered

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


JUDGE = result.judged_by(catalogue.of_answers("classes"), parse, {})


def scored(sample: Sample, answers: list) -> dict:
    """The row of a result that the answers to a sample's windows come to."""
    given = answered(sample, None, answers)
    return result.row(given, {} if given.failed else JUDGE(given))


def spoken(text: str) -> runner.Answer:
    return runner.Answer(text, 10, 5, 1, 9, 1, {"select": 0, "prefill": 1, "decode": 1})


def loop(decoder, store, windows=1) -> runner.Loop:
    return runner.Loop(decoder, store, samples(windows), None, max_new_tokens=6)


def reduction(method="dart", ratio=0.5, layer=0) -> Reduction:
    return Reduction(load(method), None if method == "base" else ratio, None, layer, 0, False)


def run(a_loop, max_tokens, journals, *reductions, done=None) -> list[runner.Track]:
    """The tracks of the reductions (dart alone if none is given), all through the batches in one pass."""
    journals.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        tracks = [
            runner.Track(
                r, dict(done or {}), stack.enter_context(runner.open_journal(journals / f"{i}.jsonl"))
            )
            for i, r in enumerate(reductions or [reduction()])
        ]
        batches = plan.batches(a_loop.samples, max_tokens)
        to_row = lambda sample, answers: answered(sample, None, answers)  # noqa: E731
        runner.evaluate(a_loop, batches, tracks, 1, to_row, MemoryWatch(torch.device("cpu")))
    return tracks


def untimed(track):
    return {
        k: {n: v for n, v in asdict(row).items() if n not in ("seconds", "batch_rows")}
        for k, row in track.rows.items()
    }


@pytest.mark.parametrize("method", METHODS)
def test_batches_answer_as_single_rows_do(decoder, store, tmp_path, method):
    (together,) = run(loop(decoder, store), 10**6, tmp_path / "a", reduction(method))
    (alone,) = run(loop(decoder, store), 1, tmp_path / "b", reduction(method))
    assert untimed(together) == untimed(alone)
    assert {row.batch_rows for row in together.rows.values()} == {len(LENGTHS)}


GRID = [
    reduction(method, ratio, layer)
    for layer in (0, 1, 2)
    for method in ("dart", "fastv", "random", "frame")
    for ratio in (0.7, 0.2)
]


def test_methods_in_one_pass_answer_as_each_alone_does(decoder, store, tmp_path):
    cells = [reduction("base"), *GRID]
    together = run(loop(decoder, store, windows=2), 150, tmp_path / "together", *cells)
    for number, cell in enumerate(cells):
        (alone,) = run(loop(decoder, store, windows=2), 150, tmp_path / f"{number}", cell)
        assert untimed(alone) == untimed(together[number])


def test_layers_that_methods_share_are_computed_once(decoder, store, tmp_path):
    calls, layers = [0, 0, 0], decoder.model.layers
    handles = [
        layer.self_attn.register_forward_hook(lambda m, a, o, i=i: calls.__setitem__(i, calls[i] + 1))
        for i, layer in enumerate(layers)
    ]
    quick = runner.Loop(decoder, store, samples(), None, max_new_tokens=1)
    run(quick, 10**6, tmp_path / "a", reduction("base"), *(reduction("random", r, 2) for r in (0.5, 0.2)))
    for handle in handles:
        handle.remove()
    warm_ups = 3
    assert [count - warm_ups for count in calls] == [1, 1, 3]
    assert not any("forward" in vars(layer) for layer in layers)


def test_the_time_of_shared_layers_is_counted_for_each(decoder, store, tmp_path, monkeypatch):
    counted = []
    original = runner.shared
    monkeypatch.setattr(runner, "shared", lambda *a: counted.append(original(*a)[0]) or original(*a))
    run(loop(decoder, store), 10**6, tmp_path / "a", *(reduction("random", r, 2) for r in (0.5, 0.2)))
    assert counted[-1] > 0 and not any(counted[:-1])


def test_nothing_of_a_prefill_that_ran_out_of_memory_is_shared(decoder, store, tmp_path, monkeypatch):
    cells = [reduction("random", ratio, 2) for ratio in (0.5, 0.2, 0.3)]
    expected = run(loop(decoder, store), 10**6, tmp_path / "whole", *cells)
    failed = []

    def once(module, args):
        if len(args[0]) == len(LENGTHS) and not failed:  # the whole batch, one layer of two done
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = decoder.model.layers[1].register_forward_pre_hook(once)
    found = run(loop(decoder, store), 10**6, tmp_path / "once", *cells)
    handle.remove()
    assert [track.halved for track in found] == [1, 0, 0]
    assert [untimed(track) for track in found] == [untimed(track) for track in expected]


def test_greedy_answers_equal_generate_of_the_stock_model(decoder, store, checkpoint, tmp_path):
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    stock = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(checkpoint.folder).eval()
    rows = run(loop(decoder, store), 10**6, tmp_path / "a", reduction("base"))[0].rows
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
        assert rows[sample.clip_id].answer == [
            decoder.tokenizer.decode(generated[0], skip_special_tokens=True)
        ]


def test_a_batch_too_large_for_memory_is_halved_and_answers_stay(decoder, store, tmp_path, monkeypatch):
    (expected,) = run(loop(decoder, store), 10**6, tmp_path / "a")
    forward = Decoder.forward

    def short_of_memory(self, embeddings, *rest):
        if len(embeddings) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, embeddings, *rest)

    monkeypatch.setattr(Decoder, "forward", short_of_memory)
    (halved,) = run(loop(decoder, store), 10**6, tmp_path / "b")
    assert untimed(halved) == untimed(expected)
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
    rows = run(loop(decoder, store), 10**6, tmp_path / "a")[0].rows
    assert {k for k, row in rows.items() if row.failed} == {k for k, n in lengths.items() if n > limit}
    assert {row.reason for row in rows.values() if row.failed} == {"out of memory"}


def test_other_errors_are_not_taken_for_lack_of_memory(decoder, store, tmp_path, monkeypatch):
    def broken(self, *rest):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Decoder, "forward", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run(loop(decoder, store), 10**6, tmp_path / "a")


def test_after_a_kill_the_rest_is_run_and_the_rows_are_the_same(decoder, store, tmp_path, monkeypatch):
    (expected,) = run(loop(decoder, store, windows=2), 150, tmp_path / "whole")
    journal, forward, calls = tmp_path / "killed" / "0.jsonl", Decoder.forward, []

    def killed(self, *rest):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return forward(self, *rest)

    monkeypatch.setattr(Decoder, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        run(loop(decoder, store, windows=2), 150, journal.parent)
    monkeypatch.setattr(Decoder, "forward", forward)
    with journal.open("a") as stream:
        stream.write('{"clip_id": "torn')  # what a kill in the middle of a write leaves
    from earmark.core.jsonl import read_jsonl

    done = {row["clip_id"]: Answered(**row) for row in read_jsonl(journal, torn=True)}
    assert 0 < len(done) < len(LENGTHS)
    (track,) = run(loop(decoder, store, windows=2), 150, journal.parent, done=done)
    assert untimed(track) == untimed(expected)
    assert [track.rows[k].seconds for k in done] == [row.seconds for row in done.values()], (
        "finished rows ran again"
    )
    assert sorted(json.loads(line)["clip_id"] for line in journal.read_text().splitlines()) == sorted(
        expected.rows
    )


PREPARED = {"load": 0.1, "mel": 0.2, "encode": 0.3}


def test_windows_of_a_clip_vote():
    (sample, *_) = samples(windows=3)
    row = scored(replace(sample, prepared=PREPARED), [spoken(text) for text in ("B", "A", "B")])
    assert row["predicted"] == "rain" and row["windows"] == 3 and row["tokens_after"] == 15


def test_a_failed_window_fails_the_sample():
    (sample, *_) = samples(windows=2)
    row = scored(sample, [spoken("B"), "out of memory"])
    assert (row["status"], row["correct"]) == ("failed", None)


def test_an_unparsed_answer_is_wrong_and_counted():
    (sample, *_) = samples()
    row = scored(sample, [spoken("no idea")])
    assert (row["status"], row["parsed"], row["correct"], row["predicted"]) == ("scored", False, False, None)
