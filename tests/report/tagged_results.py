"""Results of audio tagging written to disk, from hand-made predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tagged import inputs, predictions, settings

from earmark.core.files import write_json
from earmark.systems.tagging import result


def fake_tagged(
    folder: Path,
    recipe: str = "plain",
    r: int | str = 8,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    skill: float = 1.5,
    kind: str = "multi_label",
    n: int = 40,
    speedup: float | None = None,
    clamped: bool = False,
    **asked,
) -> Path:
    """Write one result with what lies beside it; merging r tokens in each of three layers."""
    count = int(str(r).rstrip("di"))
    per_layer = (count,) * 3
    made = [
        predictions(
            seed=seed + 10 * len(recipe), n=n, skill=skill, merged=per_layer, single=kind == "single_label",
            asked=tuple(2 * c for c in per_layer) if clamped else None,
        )
        for seed in seeds
    ]  # fmt: skip
    made = [
        replace(each, record=replace(each.record, train_seed=seed))
        for each, seed in zip(made, seeds, strict=True)
    ]
    wanted = settings(kind, recipe=recipe, r=str(r), seeds=seeds, **asked)
    path = folder / f"sounds_{recipe}_r{r}.json"
    given = inputs(made, speedup=speedup if speedup is not None else 1 + count / 20)
    content, resampled = result.record(wanted, given, "c0de", str(path))
    folder.mkdir(parents=True, exist_ok=True)
    resampled.to_parquet(folder / content["pairing"]["resamples"])
    write_json(path, content)
    return path


def fake_sweep(folder: Path, **options) -> list[Path]:
    """Write two recipes over r, and their baselines."""
    small = {"student": "small-s16", "strides": (16, 16)}
    made = []
    for recipe, skill, taught in (("plain", 1.5, False), ("kd", 2.0, True)):
        made += [
            fake_tagged(
                folder,
                recipe,
                r,
                skill=skill - 0.05 * r,
                teachers=taught,
                baseline=f"{recipe}-s16",
                **options,
            )
            for r in (0, 4, 8, 16)
        ]
        made.append(
            fake_tagged(folder, f"{recipe}-s16", 0, skill=skill - 0.3, teachers=taught, **small, **options)
        )
    return made
