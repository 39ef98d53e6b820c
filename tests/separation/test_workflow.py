"""The miniature from recordings to the page, and what its files say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import warm

from earmark.core.places import ROOT
from earmark.systems.separation import stored

from . import miniature

ROUTERS = ("base", "text", "score", "soft", "fallback", "oracle")


def snakemake(folder: Path, *words: str, fails: bool = False) -> str:
    command = [warm.python(), "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "mini.yaml"), "--cores", "2", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("separation")
    miniature.write(folder)
    snakemake(folder, "separation", "separated/mix/the_sea_waves.flac")
    return folder


def record(folder: Path, router: str) -> dict:
    return json.loads((folder / f"results/separation/made_pairs_{router}.json").read_text())


def test_every_router_has_a_result_and_the_oracle_is_called_an_upper_bound(made) -> None:
    found = {router: record(made, router) for router in ROUTERS}
    assert all(each["counts"] == {"total": 16, "scored": 16, "failed": 0} for each in found.values())
    best = found["oracle"]["metrics"]["sdri"]["value"]
    for router, each in found.items():
        assert each["upper_bound"] == (router == "oracle")
        if router != "soft":
            assert each["regret"]["value"] == pytest.approx(best - each["metrics"]["sdri"]["value"], abs=1e-6)
            assert each["regret"]["value"] >= -1e-9
        assert sum(each["usage"].values()) == 16
        assert abs(each["metrics"]["mixture_sdr"]["value"]) < 1e-2, "both sounds are equally loud"
    assert found["base"]["usage"]["base"] == 16 and found["soft"]["usage"]["soft"] == 16
    assert found["base"]["to_base"] == {}
    gain = found["text"]["metrics"]["sdri"]["value"] - found["base"]["metrics"]["sdri"]["value"]
    assert found["text"]["to_base"]["sdri"]["value"] == pytest.approx(gain, abs=1e-9)


def test_a_router_s_rows_are_those_of_the_models_it_took(made) -> None:
    rows = [json.loads(line) for line in (made / "results/separation/made_pairs_oracle.jsonl").open()]
    for row in rows:
        scores = made / f"separators/mini/scores/made_pairs/{row['model']}.jsonl"
        [own] = [each for each in map(json.loads, scores.open()) if each["sample"] == row["sample"]]
        assert row["sdri"] == own["sdri"]


def test_domains_adapters_and_what_chose_them_are_on_disk(made) -> None:
    partition = json.loads((made / "separators/mini/partition.json").read_text())
    classes = [name for domain in partition["domains"] for name in domain["classes"]]
    assert sorted(classes) == ["dog", "rain", "rooster", "sea_waves"]
    assert [row["domains"] for row in partition["curve"]] == [2, 3]
    for number in (0, 1):
        path = made / f"separators/mini/adapters/domain-{number}.json"
        tensors, found = stored.read(path)
        assert all("left" in name or "right" in name for name in tensors), "the adapter alone"
        assert [epoch["epoch"] for epoch in found["training"]["epochs"]] == [1, 2]
        base = stored.Base.read(made / "separators/mini/separator.json")
        merged = stored.adapted(base, path)
        assert merged.keys() == base.tensors.keys()
        assert any(not torch.equal(merged[name], base.tensors[name]) for name in merged)


def test_a_recording_comes_back_in_its_own_form(made) -> None:
    mixed, rate = soundfile.read(made / "mix.wav", always_2d=True)
    found, same = soundfile.read(made / "separated/mix/the_sea_waves.flac", always_2d=True)
    assert (found.shape, same) == (mixed.shape, rate)
    assert np.abs(found).max() > 0


def test_the_summary_and_the_page_have_the_results_and_sounds_to_play(made) -> None:
    table = pd.read_csv(made / "results/separation/summary.csv")
    assert set(table["router"]) == set(ROUTERS)
    assert {"sdri", "si_sdri", "regret", "sdri/dog", "difference_to_base/sdri"} <= set(table["metric"])
    page = (made / "results/separation/report.html").read_text()
    assert "Separation: Made pairs" in page and "oracle (upper bound)" in page
    assert page.count("data:audio/ogg;base64,") == 2 * (2 + 3), "mixture, reference, and three estimates"


def test_a_result_s_own_config_names_all_that_it_is_made_of(made) -> None:
    again = record(made, "text")["provenance"]["again"]
    (made / "again.yaml").write_text(json.dumps(again["config"]))
    command = [warm.python(), "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--directory", str(made / "elsewhere"), "--configfile", str(made / "again.yaml"), "-n"]
    done = subprocess.run([*command, again["target"]], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_made_twice(made) -> None:
    assert "Nothing to be done" in snakemake(made, "-n", "separation", "separated/mix/the_sea_waves.flac")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("results/separation/made_pair_text.json", "unknown mixtures 'made_pair'; did you mean 'made_pairs'"),
        ("results/separation/made_pairs_best.json", "routers are base, text, score, soft, fallback, oracle"),
        ("separated/mxi/rain.flac", "unknown recording in separation.recordings 'mxi'; did you mean 'mix'"),
    ],
)  # fmt: skip
def test_a_mistyped_target_ends_in_a_line(made, target, said) -> None:
    assert said in snakemake(made, "-n", target, fails=True)


def test_the_script_names_its_output_after_the_query(made) -> None:
    command = [warm.python(), str(ROOT / "scripts/separate.py"), "mix.wav", "A dog!", "--device", "cpu"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "mix-a-dog.flac", done.stderr
    assert (made / "mix-a-dog.flac").is_file()
