"""`snakemake doctor` looks again whenever it is asked, at the configuration it is asked with."""

from __future__ import annotations

import json

from workflow import SMALL, Workflow


def test_the_doctor_looks_again_whenever_it_is_asked(tmp_path):
    flow = Workflow(tmp_path)
    assert "ready for the default targets" in flow.run("-j1", "doctor").stdout
    first = json.loads((tmp_path / "results/doctor.json").read_text())
    assert first["ok"] and first["estimate"]["jobs"] > 5

    far = {"kind": "omni", "path": "/nowhere/weights"}
    flow.configure({**SMALL, "default_model": "far", "models": {**SMALL["models"], "far": far}})
    done = flow.run("-j1", "doctor", check=False)
    assert done.returncode != 0
    assert "models.far.path: /nowhere/weights: there is no such file or folder" in done.stdout
    (found,) = [
        e for e in json.loads((tmp_path / "results/doctor.json").read_text())["unreachable"] if e["needed"]
    ]
    assert found["key"] == "models.far.path"
    assert "/nowhere/weights" in (tmp_path / "logs/doctor.log").read_text()
