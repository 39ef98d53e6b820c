"""A new system is one folder and one rules file: everything else finds it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import warm
import yaml

from earmark.core.places import ROOT

HERE = Path(__file__).parent
PARTS = ("Snakefile", "rules", "scripts", "config", "envs", "profiles", "requirements.lock", "pyproject.toml")
TOSSES = [{"coin": "penny", "times": 40}, {"coin": "dime", "times": 7}]


@dataclass(frozen=True)
class Checkout:
    """A copy of the code with the toy in it, and a folder to work in."""

    root: Path
    work: Path

    def run(self, *command: str, fails: bool = False) -> str:
        done = subprocess.run(
            [warm.python(), *command], cwd=self.work, capture_output=True, text=True, timeout=300
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def snakemake(self, *words: str, fails: bool = False) -> str:
        words = (
            "--snakefile",
            str(self.root / "Snakefile"),
            "--configfile",
            "toy.yaml",
            "--cores",
            "1",
            *words,
        )
        return self.run("-m", "snakemake", *words, fails=fails)

    def script(self, name: str, *words: str) -> str:
        return self.run(str(self.root / "scripts" / name), *words)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    """The toy as one folder and one rules file, its target made, and the page of everything there is."""
    root, work = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("work")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, root / part)
    shutil.copytree(HERE / "toy", root / "scripts" / "earmark" / "systems" / "toy")
    shutil.copy2(HERE / "toy.smk", root / "rules" / "toy.smk")
    nothing = {"grid": [], "prefill": [], "embeddings": [], "tagging": {"grid": []}}
    (work / "toy.yaml").write_text(yaml.safe_dump({"toy": TOSSES, **nothing}))
    made = Checkout(root, work)
    made.snakemake("toy", "all", "toy_plots")
    return made


def test_its_target_makes_its_results_and_a_name_that_is_unknown_is_explained(checkout):
    record = json.loads((checkout.work / "results/toy/penny_40.json").read_text())
    assert record["metrics"]["heads"]["n"] == 40
    said = checkout.snakemake("-n", "results/toy/pemny_40.json", fails=True)
    assert "unknown coin 'pemny'; did you mean 'penny'?" in said


@pytest.mark.parametrize("summary", ["results/summary.csv", "results/toy/summary.csv"])
def test_it_has_its_rows_in_the_summary(checkout, summary):
    table = pd.read_csv(checkout.work / summary)
    rows = table[table["system"] == "toy"].set_index("coin")
    assert dict(rows["times"]) == {"penny": 40, "dime": 7}
    record = json.loads((checkout.work / "results/toy/dime_7.json").read_text())
    assert rows.loc["dime", "value"] == record["metrics"]["heads"]["value"]
    assert set(rows["type"]) == {"toss"} and set(rows["metric"]) == {"heads"}


@pytest.mark.parametrize("page", ["results/report.html", "results/toy/report.html"])
def test_its_plot_is_on_the_page(checkout, page):
    text = (checkout.work / page).read_text()
    assert "Coins that were tossed" in text and "Heads of each coin" in text
    assert "a fair coin has half of them" in text, "its metric's remark"
    plots = sorted((checkout.work / "results/toy/plots").glob("*.svg"))
    (plot,) = [path for path in plots if not path.stem.endswith(("-column", "-page"))]
    assert [path.stem.removeprefix(plot.stem) for path in plots if path != plot] == ["-column", "-page"]
    assert all(path.read_text().startswith("<svg") for path in plots)


def test_the_doctor_has_a_line_about_it(checkout):
    said = checkout.script("doctor.py", "--configfile", "toy.yaml", "--target", "results/toy/dime_7.json")
    assert "2 to toss" in said
    record = json.loads((checkout.work / "results/doctor.json").read_text())
    assert "coins" in {check["name"] for check in record["checks"] if check["area"] == "systems"}


def test_its_results_are_made_again_from_their_record(checkout):
    said = checkout.script("reproduce.py", "--result", "results/toy/penny_40.json", "--cores", "1")
    assert "results/toy/penny_40.json: same" in said


def test_a_model_cannot_take_its_name(checkout):
    models = yaml.safe_dump({"models": {"toy": {"kind": "omni", "path": "/somewhere"}}})
    (checkout.work / "taken.yaml").write_text(models)
    said = checkout.snakemake("-n", "--configfile", "toy.yaml", "taken.yaml", "--", "toy", fails=True)
    assert "model 'toy': results/toy/ belongs to the system 'toy'" in said


def test_nothing_else_of_the_checkout_was_edited(checkout):
    mine = {"rules/toy.smk"} | {
        f"scripts/earmark/systems/toy/{path.relative_to(HERE / 'toy').as_posix()}"
        for path in (HERE / "toy").rglob("*")
    }
    for part in ("rules", "scripts", "config"):
        for path in (checkout.root / part).rglob("*"):
            place = path.relative_to(checkout.root)
            if path.is_file() and "__pycache__" not in place.parts and place.as_posix() not in mine:
                assert path.read_bytes() == (ROOT / place).read_bytes(), place
