"""How a prefill timing is measured again: its times are the machine's, what was timed must be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.reproduction import parts
from earmark.reproduction.request import Request

SCHEMA = "timing"
COMPARED = ("labels", "model", "parameters", "audio_s", "audio_tokens", "prompt_tokens", "layer", "repeats")
OF_POINTS = ("method", "keep_ratio", "layer", "tokens_after", "flop_speedup")


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """Return what another measurement must give again: sizes, tokens and FLOP."""
    points = [{key: point[key] for key in OF_POINTS} for point in record["points"]]
    return {key: record[key] for key in COMPARED} | {"points": points}


def inputs(made: dict[str, Any]) -> dict[str, Any]:
    """Return the checksums of what went in."""
    return {"checkpoint": made["model"].get("digest")}


def request(record: dict[str, Any], workdir: Path) -> Request:
    """Return what to run, as for other results; raises UserError for a record of an older version."""
    made = record["provenance"]
    used, weights = made["config"], parts.upstream(made)["weights"]
    model = dict(used["model"])
    chosen = model.pop("name")
    model |= parts.fixed(weights, made["model"]["origin"], workdir)
    block = {
        "model": chosen,
        "methods": [method["name"] for method in used["methods"]],
        **{key: used[key] for key in ("audio_s", "ratios", "repeats")},
    }
    config = {
        "seed": used["seed"],
        "device": used["device"],
        "default_model": chosen,
        "methods": parts.methods(used["methods"]),
        "prefill": [block],
    }
    target = f"results/timing/{chosen}_{used['audio_s']}s.json"
    return Request(config, {"tasks": {}, "models": {chosen: model}}, target)
