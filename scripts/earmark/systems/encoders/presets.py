"""What is trained and evaluated by name: ``task1``, ``task2``, ``all``, and each of the twenty data sets."""

from __future__ import annotations

from typing import Any

from earmark.systems.encoders.blocks import EvalBlock, TrainFile
from earmark.systems.encoders.datasets import DATASETS, TASK1, TASK2, Dataset

TASK_STEPS = 100_000
GROUPS = {"task1": TASK1, "task2": TASK2, "all": (*TASK1, *TASK2)}
NAMES = (*GROUPS, *DATASETS)


def training(name: str) -> TrainFile:
    """Return what a preset is trained on, and for how long."""
    chosen = GROUPS.get(name) or (DATASETS[name],)
    content = {each.name: _train(each, name) for each in chosen}
    steps = TASK_STEPS if name in GROUPS else DATASETS[name].steps
    return TrainFile.model_validate({"train_data": content, "max_steps": steps})


def evaluation(name: str) -> dict[str, EvalBlock]:
    """Return what a preset is evaluated on."""
    chosen = GROUPS.get(name) or (DATASETS[name],)
    return {each.name: _test(each) for each in chosen}


def _train(each: Dataset, preset: str) -> dict[str, Any]:
    prob = each.all_prob if preset == "all" else each.task_prob
    return {
        "data": each.train_patterns,
        "prompt": each.prompt,
        "key": each.train_key,
        "prob": prob if preset in GROUPS else None,
        "repo_id": each.repo,
    }


def _test(each: Dataset) -> EvalBlock:
    data = {"data": each.test_patterns, "prompt": each.prompt, "key": each.test_key, "repo_id": each.repo}
    content = {"data": data, "metric": each.metric, "metric_args": {"num_classes": each.classes}}
    return EvalBlock.model_validate(content)
