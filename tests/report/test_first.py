"""The first screen says in a sentence what the data say, ties and "no difference shown" included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import fake_encoder, fake_separation
from tagged_results import fake_tagged

from earmark.report.first import Entry, Pivot, Times, View, times
from earmark.report.material import Material
from earmark.report.summary import summarize
from earmark.report.words import isolated
from earmark.systems.embeddings.report import first as layers
from earmark.systems.encoders.report import first as heard
from earmark.systems.pruning.report import first
from earmark.systems.separation.report import first as routers
from earmark.systems.tagging.report import first as merging


def answered(path: Path, right: int, n: int) -> Path:
    """Make the first ``right`` of n samples of a result right, the others wrong."""
    beside = path.with_suffix(".jsonl")
    rows = [json.loads(line) for line in beside.read_text().splitlines()]
    for i, row in enumerate(rows):
        row["correct"] = i < right
        row["predicted"] = row["truth"] if i < right else None
    beside.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = json.loads(path.read_text())
    record["counts"]["correct"] = right
    record["metrics"]["accuracy"] |= {"value": right / n, "low": right / n - 0.03, "high": right / n + 0.03}
    path.write_text(json.dumps(record))
    return path


@pytest.fixture
def one(tmp_path: Path, write_result: Callable[..., Path]) -> Callable[..., Path]:
    def write(task: str, method: str, ratio: float, right: int) -> Path:
        path = write_result(tmp_path / f"{task}_{method}_{ratio}.json", method, ratio, task=task, n=200)
        return answered(path, right, 200)

    return write


def said(paths: list[Path]) -> list[str]:
    found = first.answer(Material(summarize(paths)))
    assert found is not None
    return [sentence.replace("\u00a0", " ").replace("\u2212", "-") for sentence in found.sentences]


def test_a_sentence_tells_the_best_the_tied_the_worse_and_the_speed(one: Callable[..., Path]) -> None:
    paths = [
        one("genres", "base", 1.0, 180),
        one("genres", "frame", 0.5, 150),
        one("genres", "dart", 0.5, 148),
    ]
    (sentence,) = said([*paths, one("genres", "random", 0.5, 40), one("genres", "random", 0.3, 20)])
    # 150 of 180 are 83.3 %, 30 lost of 200 have Wilson's interval from 10.7 to 20.6 %; prefill takes 0.5 s unpruned and 0.3 s at one half in the made-up results.
    assert sentence.startswith(
        "test-model, genres: with 50 % of the audio tokens frame keeps 83.3 % [77.1, 88.1] of the unpruned "
        "accuracy at 1.7 times [1.6, 1.7] the prefill speed; dart cannot be told from it; random loses 70.0 "
        "points ["
    )


def test_no_difference_is_claimed_where_none_is_shown(one: Callable[..., Path]) -> None:
    (sentence,) = said([one("genres", "base", 1.0, 180), one("genres", "frame", 0.5, 179)])
    assert sentence.endswith("the prefill speed (no difference to base shown).") and "loses" not in sentence


def test_without_a_base_nothing_is_claimed(one: Callable[..., Path]) -> None:
    (sentence,) = said([one("genres", "frame", 0.5, 179)])
    assert sentence == "test-model, genres: nothing to compare, as there is no unpruned run."


def test_over_several_tasks_the_sentence_is_of_their_mean(one: Callable[..., Path]) -> None:
    tasks = ("genres", "moods")
    bases = [one(task, "base", 1.0, 200 - 20 * i) for i, task in enumerate(tasks)]
    (sentence,) = said([*bases, *(one(task, "frame", 0.5, 95) for task in tasks)])
    assert sentence.startswith(
        "test-model, mean over 2 tasks: with 50 % of the audio tokens frame keeps 50.0 % ["
    )


def test_error_rates_go_up(tmp_path: Path, write_transcripts: Callable[..., Path]) -> None:
    made = [
        write_transcripts(tmp_path / f"{method}.json", method, ratio, wer)
        for method, ratio, wer in (("base", 1.0, 0.05), ("frame", 0.5, 0.06), ("random", 0.5, 0.5))
    ]
    (sentence,) = said(made)
    assert "frame has a word error rate of " in sentence and "random raises it by " in sentence


def test_a_table_marks_the_best_with_what_cannot_be_told_from_it_and_colours_what_is_shown(
    one: Callable[..., Path],
) -> None:
    paths = [
        one("genres", "base", 1.0, 180),
        one("genres", "frame", 0.5, 150),
        one("genres", "dart", 0.5, 148),
    ]
    answer = first.answer(Material(summarize([*paths, one("genres", "random", 0.5, 179)])))
    assert answer is not None
    view = answer.pivots[0].views[0]
    assert view.choice["shown"] == "accuracy" and view.columns == ["100 %", "50 %"]
    cells = {name: entries[1] for name, entries in view.lines}
    assert cells["base"] is None and not any(cells[name].best for name in ("frame", "dart"))
    assert cells["random"].best and cells["random"].tone == "", "one sample of 200 shows no difference"
    assert cells["frame"].tone == "down3" and cells["frame"].gain == pytest.approx(-0.15)
    time = next(view for view in answer.pivots[0].views if view.choice["shown"] == "time per clip")
    assert all(entries[1].best for name, entries in time.lines if name != "base"), (
        "times that overlap are tied"
    )


def test_switches_offer_what_the_views_have() -> None:
    views = [View({"task": task, "shown": what}, ["1"], []) for task in "ab" for what in ("x", "y")]
    assert Pivot("p", "m", "k", views).switches == {"task": ["a", "b"], "shown": ["x", "y"]}
    assert [Entry("", gain=gain).tone for gain in (None, 0.0, 0.01, -0.05, -0.3)] == [
        "",
        "",
        "up1",
        "down2",
        "down3",
    ]


def test_a_quotient_of_medians_has_an_interval() -> None:
    alone = times([Times(2.0, 1.0, 4.0)], [Times(1.0, 1.0, 1.0)])
    assert alone == pytest.approx((2.0, 1.0, 4.0)) and not alone.shown
    many = times([Times(2.0, 1.8, 2.2)] * 4, [Times(1.0, 0.9, 1.1)] * 4)
    assert many.value == pytest.approx(2.0) and 1.8 < many.low < many.high < 2.2 and many.shown


def test_tagging_says_what_merging_loses_and_how_much_faster_it_is(tmp_path: Path) -> None:
    (tmp_path / "tagging").mkdir()
    for r, skill, speedup in ((0, 1.5, 1.0), (4, 1.5, 1.2), (16, 0.2, 1.8)):
        fake_tagged(tmp_path / "tagging", "plain", r, skill=skill, speedup=speedup)
    found = merging.answer(Material(summarize((tmp_path / "tagging").glob("*_r*.json"))))
    assert found is not None
    sentence = found.sentences[0].replace("\u00a0", " ")
    assert sentence.startswith("sounds, plain: merging with r 4 shows no loss (")
    assert "at 1.2 times [1.1, 1.3] the speed; r 16 loses " in sentence and "points of mAP [" in sentence
    scores, apart, speeds = found.pivots[0].views
    assert list(scores.columns) == ["0", "4", "16"]
    ((name, cells),) = scores.lines
    assert name == "plain" and cells[2].tone == "down3" and cells[1].tone == ""
    assert [cell and cell.text for cell in speeds.lines[0][1]] == ["1.00", "1.20", "1.80"]
    assert apart.lines[0][1][0] is None, "the unmerged differs from nothing"


def test_embeddings_name_the_best_layer_and_what_reaches_it(
    tmp_path: Path, write_probe: Callable[..., Path]
) -> None:
    path = write_probe(tmp_path / "probe.json")
    record = json.loads(path.read_text())
    for layer, value in zip(record["layers"], (0.3, 0.9, 0.85, 0.4), strict=True):
        layer["accuracy"] |= {"value": value, "low": value - 0.1, "high": value + 0.06}
    path.write_text(json.dumps(record))
    found = layers.answer(Material(summarize([path])))
    assert found is not None
    (sentence,) = found.sentences
    assert "a linear probe is right most often on encoder, 90.0" in sentence
    assert sentence.endswith("the interval of lm.0 reaches that too.")
    assert [cells[0].best for _, cells in found.pivots[0].views[0].lines] == [False, True, True, False]


def test_separation_says_which_routers_gain_and_which_are_not_told_from_the_base(tmp_path: Path) -> None:
    given = {
        "base": (5.0, None, 0.5),
        "text": (5.8, 0.8, 0.001),
        "score": (5.1, 0.1, 0.4),
        "soft": (4.4, -0.6, 0.002),
        "oracle": (6.5, 1.5, 0.001),
    }
    paths = [fake_separation(tmp_path / f"{name}.json", name, *values) for name, values in given.items()]
    found = routers.answer(Material(summarize(paths)))
    assert found is not None
    (sentence,) = [each.replace("\u00a0", " ").replace("\u2212", "-") for each in found.sentences]
    assert sentence == (
        "small, pairs: without adapters the SDRi is 5.00 dB [4.60, 5.40]; router text gains 0.80 dB [0.40, 1.20]; "
        "router soft loses 0.60 dB [0.20, 1.00]; for score no difference to that is shown; no router can gain more "
        "than the oracle's 1.50 dB [1.10, 1.90]."
    )
    scores, apart = found.pivots[0].views
    cells = {name: entries[0] for name, entries in scores.lines}
    assert [name for name, cell in cells.items() if cell and cell.best] == ["text"]
    assert cells["text"].tone == "up2" and cells["soft"].tone == "down2" and cells["score"].tone == ""
    assert cells["oracle (upper bound)"].tone == "", "an upper bound is no result"
    assert [name for name, _ in apart.lines] == ["text", "score", "soft", "oracle (upper bound)"]


def test_separation_without_a_base_claims_nothing(tmp_path: Path) -> None:
    found = routers.answer(Material(summarize([fake_separation(tmp_path / "t.json", "text", 5.0)])))
    assert found is not None and found.sentences == [
        "small, pairs: nothing to compare, as there is no result without adapters."
    ]


def test_encoders_name_the_best_the_tied_and_those_behind(tmp_path: Path) -> None:
    scores = {"dasheng": (0.9, 0.7), "whisper": (0.86, 0.68), "noise": (0.3, 0.1)}
    paths = [
        path
        for name, (a, b) in scores.items()
        for path in fake_encoder(tmp_path, name, {"bells": a, "dogs": b})
    ]
    found = heard.answer(Material(summarize(paths)))
    assert found is not None
    (sentence,) = [each.replace("\u00a0", " ") for each in found.sentences]
    assert sentence == (
        "small, heard by listener: dasheng has the highest mean score over 2 data sets, 80.0 % [75.0, 85.0]; "
        "whisper cannot be told from it (overlapping intervals); noise has 20.0 % [15.0, 25.0]."
    )
    (view,) = found.pivots[0].views
    assert view.columns == ["dasheng", "noise", "whisper"]
    lines = {name: [cell.best for cell in cells if cell] for name, cells in view.lines}
    assert lines == dict.fromkeys(("bells, accuracy", "dogs, accuracy", "mean"), [True, False, True])


def test_encoders_without_a_table_are_told_data_set_by_data_set(tmp_path: Path) -> None:
    paths = fake_encoder(tmp_path, "dasheng", {"bells": 0.9, "dogs": 0.7})[:-1]
    found = heard.answer(Material(summarize(paths)))
    assert found is not None
    first, second = (each.replace("\u00a0", " ") for each in found.sentences)
    assert first == "small, heard by listener, bells: the accuracy of dasheng is 90.0 % [85.0, 95.0]."
    assert "dogs" in second and [name for name, _ in found.pivots[0].views[0].lines][-1] == "dogs, accuracy"


def test_a_name_written_from_the_right_turns_no_sentence_round() -> None:
    assert isolated("frame") == "frame"
    for name in ("\u202e\u05e9\u05dc", "\u0645\u0648"):
        assert isolated(name) == f"\u2068{name}\u2069", "an isolate ends what was opened in it"
