"""Result files of the public AudioMarathon code (docs/reproduce.md lists what its numbers mean).

Three families of its scripts write three dialects: DART's, those of FastV, random and frame, and those of
the KV-cache presses. All give the share *dropped*; rows here have the share kept. F1 is over the answers
that could be parsed alone, mostly over option letters, so it has a name of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from earmark.scoring.intervals import wilson

NAME = "AudioMarathon"
DART, OTHERS, CACHE = "dart", "others", "kvpress"
TASKS = {
    "desed": "desed",
    "gtzan": "gtzan",
    "had": "had",
    "librispeech": "librispeech",
    "race": "race",
    "slue": "slue",
    "tau": "tau",
    "vesus": "vesus",
    "voxceleb_age": "vox_age",
    "vox_age": "vox_age",
    "vox": "vox_gender",
}
"""How file names begin, and our task; the first that fits counts."""

NAMED_CLASSES = ("had", "vox_gender", "vox_age")  # F1 over class names; of the others over letters
IN_PERCENT = ("gtzan", "race")  # overall_accuracy in the result's summary
WEIGHTED = {
    *((DART, task) for task in ("gtzan", "had", "tau", "vox_gender", "vox_age", "slue")),
    (OTHERS, "vox_gender"),
}
"""Where ``metrics.f1_score`` is weighted; in the others' SLUE it is macro and ``macro_f1`` weighted."""

WER_NAMES = ("overall_wer", "average_wer", "avg_wer", "mean_wer", "wer")
OFF = "the script never switched DART on: nothing was dropped"
PARTLY = "the script could drop tokens 35 to 610 only, whatever the clip's length"
NO_EFFECT = "the script ran a model that ignores these settings: nothing was dropped"


def rows(path: Path, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row per metric of one result file.

    Raises:
        KeyError, ValueError: the file lacks what tells its task, method or score.

    """
    content = json.loads(path.read_bytes())
    found = content["summary"]
    family, task = _family(path, found), block["task"] or _task(path)
    total = int(found.get("total_samples") or found.get("processed_samples") or 0)
    valid = (found.get("sklearn_metrics") or found.get("metrics") or {}).get("valid_samples")
    unparsed = total - int(valid) if valid is not None and total else None
    config = found.get("config", {})
    shared = {
        "system": "pruned-evaluation",
        "labels": "imported",
        "task": task,
        "model": block["model"] or Path(str(config.get("model_path", "unknown"))).name.lower(),
        **_reduction(path, found, family, task, content),
        "total": total or None,
        "scored": total or None,
        "unparsed": unparsed,
        "device": block["device"],
        "n": total or None,
    }
    made = list(_scores(found, family, task, total))
    if not made:
        raise ValueError("no score in its summary")
    for row in made:
        yield {**shared, **row}
    times = [s["prefill_time"] for s in content.get("samples", []) if s.get("prefill_time")]
    if family == OTHERS and times:
        note = "median of a generation of one token: encoder, prefill and that token"
        timed = {"metric": "one_token_s", "value": median(times), "n": len(times), "note": note}
        yield {**shared, **timed}


def _task(path: Path) -> str:
    for start, task in TASKS.items():
        if path.name.lower().startswith(start):
            return task
    raise ValueError("the file's name tells no task; give task in config: import")


def _family(path: Path, found: Mapping[str, Any]) -> str:
    """Return which scripts wrote a file: the name says it, or else the keys of its settings."""
    config = found.get("config", {})
    if "kvpress" in path.name or "kv_press" in found:
        return CACHE
    return DART if "dart" in path.name.lower() or "reduction_ratio" in config else OTHERS


def _reduction(
    path: Path, found: Mapping[str, Any], family: str, task: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Return method, layer and what was kept; their ratios say what was dropped."""
    config = found.get("config", {})
    number = re.findall(r"(?:ratio_|prune[:_]|_)(\d\.\d+)", path.stem)
    written = float(number[-1]) if number else 0.0
    if family == CACHE:
        press = found.get("kv_press") or config.get("kv_press") or {}
        dropped = float(press.get("compression_ratio", written)) if press.get("enabled", True) else 0.0
        name = str(press.get("press_type") or re.split(r"kvpress_", path.stem)[-1].split("_")[0])
        note = "the share is of the whole prompt's cache, text included"
        return _kept(f"kv-{name}" if dropped else "base", "cache", dropped, None, note if dropped else None)
    if family == DART:
        on = config.get("sparse", "_base_" not in path.stem)
        dropped = float(config.get("reduction_ratio", written)) if _true(on) else 0.0
        made = _kept("dart" if dropped else "base", "tokens", dropped, config.get("pruned_layer"), None)
        if dropped and task in ("vesus", "vox_age"):
            return made | {"keep_ratio_effective": 1.0, "note": OFF}
        if dropped and task in ("librispeech", "vox_gender"):
            return made | {"note": PARTLY}
        return made | {"keep_ratio_effective": _dart_kept(dropped, content) if dropped else 1.0}
    dropped = float(config.get("prune_ratio", written))
    name = str(config.get("prune_method", re.sub(r".*_([a-z_]+)_prune.*", r"\1", path.stem)))
    # Their code takes every name but these two for FastV.
    name = name if name in ("random", "frame") else "fastv"
    made = _kept(name if dropped else "base", "tokens", dropped, config.get("prune_layer_idx"), None)
    if dropped and task == "desed":
        made |= {"keep_ratio_effective": 1.0, "note": NO_EFFECT}
    return made


def _kept(method: str, kind: str, dropped: float, layer: Any, note: str | None) -> dict[str, Any]:
    if not 0 <= dropped < 1:
        raise ValueError(f"a share of {dropped:g} cannot be dropped")
    return {
        "method": method,
        "reducer": method,
        "kind": kind,
        "keep_ratio": round(1 - dropped, 6),
        "layer": None if layer is None else int(layer),
        "note": note,
    }


def _dart_kept(dropped: float, content: Mapping[str, Any]) -> float | None:
    """Return the share DART kept: 4 pivots, and for each of 8 the same whole number of tokens."""
    lengths = [int(s["audio_tokens"]) for s in content.get("samples", []) if s.get("audio_tokens")]
    kept = [4 + 8 * int(length * (1 - dropped) / 8) for length in lengths]
    return sum(kept) / sum(lengths) if lengths else None


def _scores(found: Mapping[str, Any], family: str, task: str, total: int) -> Iterator[dict[str, Any]]:
    """Yield the metrics of a summary as shares."""
    for name in WER_NAMES:
        if name in found:
            scale = 1 if family == DART else 100
            note = "mean of the utterances' rates" + ("; punctuation counted" if family == DART else "")
            yield {"metric": "wer_mean", "value": float(found[name]) / scale, "note": note}
            return
    if "correct_samples" in found and total:
        hits = int(found["correct_samples"])
        low, high = wilson(hits, total)
        yield {"metric": "accuracy", "value": hits / total, "low": low, "high": high, "interval": "wilson"}
    elif "overall_accuracy" in found:
        scale = 100 if task in IN_PERCENT else 1
        yield {"metric": "accuracy", "value": float(found["overall_accuracy"]) / scale}
    ending = "parsed" if task in NAMED_CLASSES else "letters_parsed"
    values = found.get("metrics", {})
    f1 = dict(found.get("sklearn_metrics", {}))
    if (family, task) in WEIGHTED and "f1_score" in values:
        f1.setdefault("f1_weighted", values["f1_score"])
    if task == "slue":
        swapped = family == OTHERS
        f1.setdefault("f1_macro", values.get("f1_score" if swapped else "macro_f1"))
        f1.setdefault("f1_weighted", values.get("macro_f1" if swapped else "f1_score"))
    # In most cache scripts, f1_macro holds the macro precision.
    names = ("f1_weighted",) if family == CACHE else ("f1_macro", "f1_weighted")
    for name in names:
        if f1.get(name) is not None:
            yield {"metric": f"{name}_{ending}", "value": float(f1[name])}


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "1")
