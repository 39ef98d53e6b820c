"""What waits in a cell's folder is delivered if it is what is asked; jobs share out the rest."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cells
import pytest

from earmark.core.files import write_json
from earmark.core.jsonl import read_jsonl
from earmark.core.places import SCRIPTS
from earmark.systems.pruning.cell import Cell
from earmark.systems.pruning.job import _free
from earmark.systems.pruning.workplace import ALONE, Fellow, Workplace, read_fellows

CELL = cells.cell()
INPUTS = ["checkpoint", "index"]
ROWS = [{"clip_id": "a"}]


def record(cell: Cell) -> dict:
    return {"provenance": {"cell": cell.digest(INPUTS)}}


def place_of(folder: Path, cell: Cell = CELL) -> Workplace:
    folder.mkdir(parents=True, exist_ok=True)
    return Workplace(folder, cell, cell.digest(INPUTS))


def method(number: int) -> Cell:
    return cells.cell({"name": f"m{number}"})


def grid_of(folder: Path, cells: list[Cell], jobs: int = 1) -> Path:
    """Write the list of cells as the workflow does."""
    entries = []
    for number, cell in enumerate(cells):
        settings = dict(zip(("task", "model", "method", "run"), cell.asked, strict=True))
        entries.append(
            {
                "settings": json.dumps(settings),
                "code": cell.code,
                "output": str(folder / f"{number}.json"),
                "work": str(folder / "work" / str(number)),
            }
        )
    write_json(folder / "grid.json", {"jobs": jobs, "cells": entries})
    return folder / "grid.json"


def taken(grid: Path) -> list[str]:
    """Return the names of the methods that a job of ``CELL`` would answer along with its own."""
    with contextlib.ExitStack() as held:
        fellows, jobs = read_fellows(str(grid), CELL)
        return [place.cell.method.name for place in _free(CELL, fellows, INPUTS, jobs, held)]


def test_a_finished_place_is_delivered_and_its_folder_goes(tmp_path):
    place = place_of(tmp_path / "work")
    assert not place.finished
    place.finish(record(CELL), ROWS)
    assert place.finished
    place.deliver(tmp_path / "results" / "r.json")
    assert json.loads((tmp_path / "results" / "r.json").read_text()) == record(CELL)
    assert read_jsonl(tmp_path / "results" / "r.jsonl") == ROWS
    assert not place.folder.exists()


def test_what_other_settings_left_is_cleared(tmp_path):
    old, new = place_of(tmp_path, method(1)), place_of(tmp_path)
    for place in (old, new):
        place.journal.write_text("{}\n")
        place.finish(record(place.cell), ROWS)
    new.clear()
    assert new.finished and new.journal.exists()
    assert not old.finished and not old.journal.exists()


def test_only_cells_of_the_same_task_model_and_run_are_fellows(tmp_path):
    others = [
        replace(method(1), task=cells.cell(name="words").task),
        replace(method(1), model=CELL.model.model_copy(update={"name": "large"})),
        replace(method(1), run=CELL.run.model_copy(update={"seed": 1})),
    ]
    grid = grid_of(tmp_path, [CELL, *others, method(2)])
    assert [f.cell for f in read_fellows(str(grid), CELL)[0]] == [method(2)]
    assert read_fellows(ALONE, CELL) == ([], 1)


def test_a_result_that_answers_the_same_needs_no_answers_and_a_damaged_one_does(tmp_path):
    fellow = Fellow(CELL, tmp_path / "r.json", tmp_path / "work")
    key = CELL.digest(INPUTS)
    assert fellow.needs_answers(key)
    write_json(fellow.output, record(CELL))
    assert fellow.needs_answers(key), "its rows are gone"
    fellow.output.with_suffix(".jsonl").write_text("{}\n")
    assert not fellow.needs_answers(key)
    assert fellow.needs_answers("another")
    for damage in (b"{", b"\xff", b"null", b'{"provenance": []}'):
        fellow.output.write_bytes(damage)
        assert fellow.needs_answers(key)


def test_what_is_finished_or_held_by_another_process_is_left_alone(tmp_path):
    grid = grid_of(tmp_path, [CELL, method(1), method(2), method(3)])
    place_of(tmp_path / "work" / "1", method(1)).finish(record(method(1)), ROWS)
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from pathlib import Path; from earmark.core.files import exclusive\n"
        f"with exclusive(Path({str(tmp_path / 'work' / '2')!r})): print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        assert taken(grid) == ["m3"]
        holder.stdin.close()
        holder.wait()
    assert taken(grid) == ["m2", "m3"]


@pytest.mark.parametrize(("jobs", "fellows"), [(1, 9), (2, 4), (3, 3), (10, 0)])
def test_jobs_side_by_side_share_out_the_cells(tmp_path, jobs, fellows):
    grid = grid_of(tmp_path, [CELL, *map(method, range(9))], jobs)
    assert len(taken(grid)) == fellows


def test_what_is_shared_out_is_the_work_not_the_number_of_cells(tmp_path):
    """The job's own cell keeps half: with one that keeps all it has done as much as six that keep a hundredth."""
    ratios = [1.0, *[0.01] * 6]
    grid = grid_of(
        tmp_path, [CELL, *(cells.cell({"name": f"m{n}", "keep_ratio": r}) for n, r in enumerate(ratios))], 2
    )
    assert taken(grid) == ["m0"]
