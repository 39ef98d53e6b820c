"""What the workflow probes, and how a target that can't be made is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.systems.embeddings.probe import request


def settings(tmp_path: Path, *blocks: dict[str, Any]) -> Settings:
    defaults = {"tasks": ["gtzan"], "layers": ["encoder", "projector"]}
    given = [defaults | block for block in blocks]
    return Settings.load({"default_model": "demo", "embeddings": given}, tmp_path)


def test_pooled_embeddings_are_probed_and_those_per_frame_are_not(tmp_path: Path) -> None:
    both = settings(tmp_path, {}, {"model": "moderate", "pooling": "none"})
    assert request.targets(both) == ["results/embeddings/demo/gtzan.json"]
    with pytest.raises(UserError, match="set pooling to mean, last or masked_mean"):
        request.check_target("results/embeddings/moderate/gtzan.json", both)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("results/embeddings/dmeo/gtzan.json", "did you mean 'demo'"),
        ("results/embeddings/demo/gtzann.json", "did you mean 'gtzan'"),
        ("results/embeddings/moderate/gtzan.json", "no block for moderate/gtzan"),
    ],
)
def test_a_target_that_cannot_be_made_is_refused_by_name(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        request.check_target(path, settings(tmp_path, {}))


def test_targets_of_others_are_none_of_its_business(tmp_path: Path) -> None:
    one, asked = settings(tmp_path, {}), []
    for path in ("results/report.html", "results/embeddings/demo/gtzan.json", "results/timing/m_2s.json"):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(request, "block_of", lambda settings, *names: asked.append(names))
            request.check_target(path, one)
    assert asked == [("demo", "gtzan")]


def test_a_job_reads_every_shard_of_every_split_and_layer(tmp_path: Path) -> None:
    one = settings(tmp_path, {})
    files = request.files(one, "demo", "gtzan")
    job = request.job(one, "demo", "gtzan")
    assert len(files) == 2 * sum(job.shards.values())
    layers = request.block_of(one, "demo", "gtzan").layers
    assert {str(Path(path).parent) for path in files} == {f"embeddings/demo/gtzan/{x}" for x in layers}
    assert all(path.endswith(".parquet") for path in files)
    assert job.labels == ["demo", "synthetic"]
