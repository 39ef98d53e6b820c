"""A training on made-up clips, with the real loop: run by the tests in this process and in others.

python small_training.py FOLDER '{"training": {...}, ...}'
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from scipy.sparse import csr_array

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from earmark.merging.schedule import Schedule
from earmark.systems.tagging import student
from earmark.systems.tagging.architecture import Architecture, Sizes
from earmark.systems.tagging.dataset import Example
from earmark.systems.tagging.settings import Training
from earmark.systems.tagging.training import Plan, Trainer
from earmark.training.engine import prepare

FRAMES, CLASSES = 32, 4
STUDENT = Architecture(sizes=Sizes(hidden=16, layers=2, heads=2, mlp=32), strides=[16, 16])
BASE = {
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "warmup_steps": 5,
    "save_every": 4,
    "mixup": 0.5,
    "decay": {"first_epoch": 1, "every": 1, "factor": 0.7},
}


class Clips:
    """Each class is a bright band of mel bins; some labels are missing, the teacher knows them all."""

    def __init__(
        self, count: int, name: str, *, taught: float = 0.0, noise: float = 1.0, slow_s: float = 0.0
    ):
        rng = np.random.default_rng(len(name) + count)
        self.true = torch.from_numpy((rng.random((count, CLASSES)) < 0.4).astype(np.float32))
        kept = torch.from_numpy((rng.random((count, CLASSES)) < 0.8).astype(np.float32))
        self.labels = self.true * kept if name == "train" else self.true
        self.taught = int(taught * count)
        self.noise, self.slow_s = noise, slow_s

    def __len__(self) -> int:
        return len(self.labels)

    def label_table(self) -> csr_array:
        return csr_array(self.labels.numpy())

    def __getitem__(self, pair: tuple[int, int]) -> Example:
        index, draw = pair
        time.sleep(self.slow_s)
        rng = np.random.default_rng([index, draw])
        features = torch.from_numpy(self.noise * rng.standard_normal((FRAMES, 128), dtype=np.float32))
        for number in self.true[index].nonzero().flatten().tolist():
            features[:, 32 * number : 32 * number + 20] += 1
        known = index < self.taught
        soft = 0.9 * self.true[index] + 0.05 if known else torch.zeros(CLASSES)
        return Example(f"{index}", features, self.labels[index], soft, known, bool(rng.random() < 0.5))


def trainer(folder: Path, accelerator: Accelerator, **changes) -> Trainer:
    """Return a trainer of which ``changes`` say what is different from the base."""
    training = Training.read({**BASE, **changes.get("training", {})}, "test")
    clips = {"count": 38, **changes.get("clips", {})}
    plan = {"kind": "multi_label", "seed": 3, **changes.get("plan", {})}
    if "merging" in plan:
        plan["merging"] = Schedule.parse(plan["merging"], {})
    return Trainer(
        student.build(STUDENT, CLASSES, FRAMES, seed=plan["seed"]),
        Clips(name="train", **clips),
        Clips(20, "valid"),
        Plan(training, **plan),
        accelerator,
        work=folder / "work",
        fingerprint=json.dumps(changes, sort_keys=True),
        events=folder / "events",
    )


def run(folder: Path, accelerator: Accelerator, **changes) -> Trainer:
    """Train, and write weights and epochs."""
    made = trainer(folder, accelerator, **changes)
    made.run()
    if accelerator.is_main_process:
        student.save(made.model, folder)
        (folder / "epochs.json").write_text(json.dumps(made.record.epochs))
        (folder / "processes").write_text(f"{accelerator.num_processes}")
    return made


if __name__ == "__main__":
    run(Path(sys.argv[1]), prepare("cpu", 1, "no"), **json.loads(sys.argv[2]))
