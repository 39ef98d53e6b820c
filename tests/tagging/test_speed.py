"""What a speed record says of a student, and how it came about."""

import json
import subprocess
from collections import Counter

import jsonschema
import pytest
import torch
import warm
import yaml

from earmark.config.schema import schema
from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.merging.schedule import Schedule
from earmark.systems.tagging import request, speed, speed_job, sweep
from earmark.systems.tagging.architecture import Sizes
from earmark.systems.tagging.asked import TimedStudent

STUDENT = TimedStudent(
    name="ast-tiny", labels=["demo"], sizes=Sizes(hidden=16, layers=3, heads=2, mlp=32), strides=[10, 10]
)
ASKED = {"task": "bells", "frames": 64, "student": STUDENT.plain(), "batches": [1, 3], "repeats": 3}
ASKED["device"] = "cpu"
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def settings(**ast: object) -> Settings:
    task = {"title": "bells", "data": {"source": {"kind": "folder", "root": "x"}}}
    task["tagging"] = {"kind": "multi_label", "frames": 64}
    return Settings.load({**CONFIG, "tasks": {"bells": task}, "tagging": ast}, ROOT)


def compared(r: str) -> dict[str, speed.Side]:
    return speed.sides(STUDENT, 4, 64, [Schedule.parse(r, {})], torch.device("cpu"))


def test_a_record_compares_three_sides_at_every_batch_size(tmp_path) -> None:
    # given classes and settings as the rule passes them
    classes, output = tmp_path / "classes.json", tmp_path / "speed.json"
    classes.write_text(json.dumps({"classes": [{"name": name} for name in "abcd"]}))
    chosen = {**ASKED, "r": "early", "schedules": {"early": [20, 40]}}
    # when the script measures
    script = [
        warm.python(),
        str(SCRIPTS / "tagging_speed.py"),
        "--classes",
        str(classes),
        "--output",
        str(output),
        "--work",
        str(tmp_path / "work"),
    ]
    run = subprocess.run(
        [*script, "--settings", json.dumps(chosen)], check=True, capture_output=True, text=True
    )
    assert "profiler" not in run.stderr
    record = json.loads(output.read_text())
    # then the record is as published
    jsonschema.validate(record, schema("tagging_speed"))
    assert [entry["batch"] for entry in record["batches"]] == [1, 3]
    assert record["tokens"] == {
        "unmerged": [62, 62, 62, 62],
        "merged": [62, 42, 22, 22],
        "strides_16": [34, 34, 34, 34],
        "asked": [20, 40, 0],
        "clamped_layers": [1],
    }
    assert record["classes"] == 4
    for entry in record["batches"]:
        full, merged, baseline = entry["unmerged"], entry["merged"], entry["strides_16"]
        assert full["speedup"] == full["speedup_low"] == full["speedup_high"] == 1
        assert merged["speedup_low"] <= merged["speedup"] <= merged["speedup_high"]
        assert merged["clips_per_s"] == pytest.approx(entry["batch"] / merged["median_s"])
        assert full["macs"] / merged["macs"] == pytest.approx(record["mac_speedup"]["merged"])
        assert full["macs"] > baseline["macs"]
        assert full["peak_memory_bytes"] > baseline["peak_memory_bytes"] > 0


def test_schedules_of_a_run_are_measured_together_and_what_is_unmerged_once(tmp_path, monkeypatch) -> None:
    # given three schedules of one student, of which one was measured before
    classes = tmp_path / "classes.json"
    classes.write_text(json.dumps({"classes": [{"name": name} for name in "abcd"]}))
    settings = {r: json.dumps({**ASKED, "r": r, "schedules": {}}) for r in ("0", "8", "16")}
    listed = [{"settings": text, "output": str(tmp_path / f"r{r}.json")} for r, text in settings.items()]
    measured: list[list[str]] = []
    measure = speed.measure
    monkeypatch.setattr(
        speed, "measure", lambda sides, *rest: measured.append(list(sides)) or measure(sides, *rest)
    )

    def job(r: str, also: str) -> dict:
        place = tmp_path / f"r{r}.json"
        speed_job.run(settings[r], also, classes, place, tmp_path / "work", "code", "", 1)
        return json.loads(place.read_text())

    job("16", speed_job.ALONE)
    # when the jobs of the others run
    found = {r: job(r, json.dumps(listed)) for r in ("0", "8")}
    # then the first of them measured both, in the same rounds, and nothing is left over
    assert measured == [
        ["unmerged", "merged 16", "strides_16"],
        ["unmerged", "merged 0", "merged 8", "strides_16"],
    ]
    assert [found[r]["r"] for r in found] == ["0", "8"]
    for each, other in zip(found["0"]["batches"], found["8"]["batches"], strict=True):
        assert each["unmerged"] == other["unmerged"] and each["strides_16"] == other["strides_16"]
        assert each["merged"] != other["merged"]
    assert not (tmp_path / "work").exists()
    jsonschema.validate(found["8"], schema("tagging_speed"))


def test_a_student_whose_patches_do_not_overlap_runs_once_a_round() -> None:
    student = STUDENT.model_copy(update={"strides": [16, 16]})
    sides = speed.sides(student, 4, 64, [Schedule.parse("2", {})], torch.device("cpu"))
    (batch,) = speed.measure(sides, [1], 1)
    assert sides["unmerged"] is sides["strides_16"]
    assert batch.sides["unmerged"] == batch.sides["strides_16"] and batch.sides["strides_16"].speedup == 1


def test_a_run_measures_what_it_is_asked_for() -> None:
    chosen = settings(grid=[{"tasks": ["bells"], "recipes": ["plain"], "r": ["8", "16"]}])

    def together(*words: str) -> list[str]:
        return sweep.timed_together(chosen, "bells", "ast-tiny", words)

    assert together("tagging") == ["0", "8", "16"]
    assert together("results/tagging/bells_plain_r4.json") == ["4"]
    assert together("results/tagging/bells_plain_r4.json", "results/tagging/speed/bells_ast-tiny_r9.json") == [
        "4", "9",
    ]  # fmt: skip


def test_every_round_runs_every_side_and_every_other_one_backwards() -> None:
    ran: list[str] = []

    class Noted:
        def __init__(self, name: str) -> None:
            self.name = name

        def once(self, x: torch.Tensor, clock: object = None, loops: int = 0) -> float:
            if loops:
                ran.append(self.name)
            return 1.0

    seconds = speed.interleaved({name: Noted(name) for name in "abc"}, torch.zeros(1), 4)  # type: ignore[misc]
    assert ran == list("abccbaabccba")
    assert Counter(map(len, seconds.values())) == {4: 3}


def test_a_forward_is_timed_often_enough_to_be_seen() -> None:
    ticks = iter(range(100))
    assert (
        compared("0")["unmerged"].once(torch.zeros(1, 64, 128), lambda: float(next(ticks)), loops=4) == 0.25
    )


def test_the_model_is_left_as_it_was() -> None:
    sides = compared("9")
    x = speed.spectrograms(2, sides["merged 9"].model, torch.device("cpu"))
    with torch.inference_mode():
        before = sides["unmerged"].model(x).logits
        sides["merged 9"].once(x)
        assert torch.equal(sides["unmerged"].model(x).logits, before)


def test_a_job_reads_only_what_its_time_depends_on() -> None:
    found = request.speed(settings(schedules={"early": [9], "late": [0, 9]}), "bells", "ast-tiny", "early")
    assert found.schedules == {"early": [9]}
    other = settings(schedules={"early": [9], "late": [1, 9]}, bootstrap=200)
    assert request.speed(other, "bells", "ast-tiny", "early") == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bels_ast-tiny_r8", "did you mean 'bells'"),
        ("bells_ast-tine_r8", "did you mean 'ast-tiny'"),
        ("bells_ast-tiny_r8x", "unknown merging schedule '8x'"),
        ("bells_8", "speeds are called"),
    ],
)
def test_a_speed_that_cannot_be_is_named(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_target(f"results/tagging/speed/{name}.json", settings())


def test_a_speed_is_no_cell_of_the_other_grid() -> None:
    path = "results/tagging/speed/bells_ast-tiny_r8.json"
    check_target(path, settings())
    assert request.cell_of(path) is None and request.cell_of(path.replace("/speed", "")) == (
        "bells",
        "ast-tiny",
        "8",
    )
