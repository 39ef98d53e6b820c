"""A copy of the workflow in a folder of its own, run by real Snakemake on a configuration of seconds."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import warm
import yaml

from earmark.core.places import ROOT, SCRIPTS

KEPT = {"config", "again", "lock", "git", "code", "packages", "python", "platform"}
"""What `provenance` of every result holds, whatever made it."""

SMALL = {
    "default_model": "demo",
    "evaluate": {"bootstrap": 100, "batch_audio_s": 60},
    "grid": [{"tasks": ["gtzan"], "methods": ["dart", "random"], "ratios": [0.5]}],
    "prefill": [{"model": "moderate", "audio_s": 2, "methods": ["dart"], "ratios": [0.5], "repeats": 1}],
    "tasks": {
        "gtzan": {
            "data": {
                "source": {
                    "kind": "synthetic_music",
                    "genres": 4,
                    "recording_s": 3,
                    "question": "What is the genre of this music?",
                    "splits": {
                        "train": {"clips_per_class": 3, "min_s": 3, "max_s": 4},
                        "test": {"clips_per_class": 3, "min_s": 5, "max_s": 8},
                    },
                }
            }
        }
    },
    "models": {
        "demo": {"train": {"seed": 0, "text_steps": 3, "tower_steps": 3, "joint_steps": 3}},
        "moderate": {
            "random_weights": {
                "seed": 0,
                "sizes": {"hidden": 32, "layers": 3, "heads": 2, "kv_heads": 1, "ffn": 32},
            }
        },
    },
}


@cache
def compiled() -> None:
    """Compile the library once: a copy of it that is compiled starts faster, in every job of a first run."""
    compileall.compile_dir(SCRIPTS, quiet=2)


class Workflow:
    """A private copy of the workflow; edits of it stay in it."""

    warm = True
    """Whether a fork of a process that has imported the large packages does for a start of Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        compiled()
        for name in ("Snakefile", "rules", "scripts", "config", "envs", "profiles", "README.md"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy(source, folder / name)
        self.configure(SMALL)

    @classmethod
    def copy(cls, made: Path, folder: Path) -> Workflow:
        """A copy of a workflow with all that it made, in a folder of its own."""
        shutil.copytree(made, folder, dirs_exist_ok=True)
        flow = cls.__new__(cls)
        flow.folder = folder
        return flow

    def configure(self, config: dict) -> None:
        (self.folder / "small.yaml").write_text(yaml.safe_dump(config))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--configfile", "small.yaml", *(arguments or ("-n",))]

    def environment(self) -> dict[str, str]:
        # Rules call `python`, which must be the one that runs the tests.
        own = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}  # scripts say so
        return {**own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = self._finished(self.command(*arguments))
        assert not check or done.returncode == 0, done.stdout
        return done

    def reproduce(self, result: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Make a result again from its record, whatever the verdict."""
        command = [sys.executable, "scripts/reproduce.py", "--result", result, "--cores", "1", *arguments]
        return self._finished(command)

    def _finished(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        if self.warm:
            command = [warm.python(), *command[1:]]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    def would_make(self, *targets: str) -> set[str]:
        """The outputs that a dry run of the targets would make; nothing for an up-to-date workflow."""
        text = self.run("-n", *targets).stdout
        outputs = re.findall(r"^    output: (.*)$", text, flags=re.MULTILINE)
        made = {name for line in outputs for name in line.split(", ") if not name.endswith(".jsonl")}
        assert made or "Nothing to be done" in text, text
        return made
