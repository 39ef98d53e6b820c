"""A result is made again from its own record alone, and compared."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

from workflow import KEPT, SMALL

from earmark.core import versions

RESULT = "results/gtzan_dart_0.5.json"


def test_records_tell_lock_and_input_checksums(finished):
    made = json.loads((finished.folder / RESULT).read_text())["provenance"]
    assert set(made) >= KEPT
    assert made["lock"] is None, "the copy of the workflow has no lock"
    assert versions.lock_state()["differing"] == []
    assert len(made["data"]["clips_sha256"]) == 64
    assert made["data"]["states_sha256"] == [
        subprocess.check_output(["sha256sum", str(path)], text=True).split()[0]
        for path in sorted(finished.folder.glob("features/demo/gtzan/test-*.safetensors"))
    ]


def test_a_result_is_made_again_without_the_config_it_came_from(copied):
    # What the config says by now is another question; only the record counts.
    copied.configure({"seed": 7})
    (copied.folder / "config/tasks/gtzan.yaml").unlink()
    (copied.folder / "config/models/demo.yaml").write_text("kind: omni\nhub: nobody/nothing\n")
    done = copied.reproduce(RESULT)
    assert done.returncode == 0, done.stdout
    assert f"{RESULT}: same" in done.stdout
    (folder,) = (copied.folder / "build/reproduce").iterdir()
    record = json.loads((folder / "reproduction.json").read_text())
    assert record["verdict"] == "same" and record["code_same"]
    inputs = {"model.digest", "data.clips_sha256", "data.states_sha256"}
    assert set(record["inputs_same"]) >= inputs and all(record["inputs_same"].values())

    # Once more, with a claim in the record that does not hold; nothing before the result is made anew.
    claimed = copied.folder / RESULT
    content = json.loads(claimed.read_text())
    content["metrics"]["accuracy"]["value"] += 0.25
    content["provenance"]["packages"]["torch"] = "1.0.0"
    claimed.write_text(json.dumps(content))
    (folder / "reproduction.json").unlink()
    done = copied.reproduce(RESULT)
    assert done.returncode == 1, done.stdout
    assert f"{RESULT}: differs" in done.stdout and "  metrics.accuracy.value: was" in done.stdout
    assert "packages.torch: was 1.0.0" in done.stdout and "packages differ" in done.stdout


def test_a_probe_and_a_timing_are_made_again_too(copied):
    probe, timing = "results/embeddings/demo/gtzan.json", "results/timing/moderate_2s.json"
    block = {"tasks": ["gtzan"], "layers": ["encoder", "lm.2"], "pooling": "mean"}
    copied.configure(copy.deepcopy(SMALL) | {"embeddings": [block]})
    copied.run("-j1", probe)
    copied.configure({})
    for result, inputs in ((probe, {"data.clips_sha256", "data.states_sha256"}), (timing, {"model.digest"})):
        assert set(json.loads((copied.folder / result).read_text())["provenance"]) >= KEPT
        done = copied.reproduce(result)
        assert done.returncode == 0 and f"{result}: same" in done.stdout, done.stdout
        (found,) = (copied.folder / "build/reproduce").glob(f"{Path(result).stem}-*/reproduction.json")
        same = json.loads(found.read_text())["inputs_same"]
        assert set(same) >= inputs and all(same.values())
