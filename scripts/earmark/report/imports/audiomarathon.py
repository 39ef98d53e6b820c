"""Result files of the public AudioMarathon code (docs/published.md lists what its numbers mean).

Three families of its scripts write three dialects: DART's, those of FastV, random and frame, and those of
the KV-cache presses. All give the share *dropped*; rows here have the share kept. F1 is over the answers
that could be parsed alone, mostly over option letters, so it has a name of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from earmark.config.common import Import
from earmark.core.files import Json
from earmark.scoring.intervals import wilson
from earmark.systems.contract import Row

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
CACHED = (
    "the share is of the whole prompt's cache, text included; where kvpress could not be imported, the "
    "script ran uncompressed without saying so"
)
NO_EFFECT = "the script ran a model that ignores these settings: nothing was dropped"


def rows(path: Path, block: Import) -> Iterator[Row]:
    """Yield a row per metric of one result file.

    Raises:
        KeyError, ValueError: the file lacks what tells its task, method or score.

    """
    found, content = _read(path)
    family, task = _family(path, found, content), block.task or _task(path)
    total = _count(found.get("total_samples") or found.get("processed_samples"))
    valid = _count((found.get("sklearn_metrics") or found.get("metrics") or {}).get("valid_samples"))
    config = found.get("config", {})
    shared = {
        "type": "evaluation",
        "labels": "imported",
        "task": task,
        "model": block.model or Path(str(config.get("model_path", "unknown"))).name.lower(),
        **_reduction(path, found, family, task, content),
        "total": total or None,
        "scored": total or None,
        "unparsed": total - valid if valid is not None and total else None,
        "device": block.device,
        "n": total or None,
    }
    made = list(_scores(found, family, task, total or 0))
    if not made:
        raise ValueError("no score in its summary")
    for row in made:
        if row["value"] is not None and not isfinite(row["value"]):
            row |= {"value": None, "note": f"the file says {row['value']}"}
        yield {**shared, **row}
    times = [float(took) for sample in _samples(content) if (took := _prefill_s(sample))]
    if family == OTHERS and times:
        note = "median of a generation of one token: encoder, prefill and that token"
        timed = {"metric": "one_token_s", "value": median(times), "n": len(times), "note": note}
        yield {**shared, **timed}


def _read(path: Path) -> tuple[Json, Json]:
    """Return the summary of a file and all that is in it.

    DESED's script for FastV, random and frame writes lines of samples and no summary.
    """
    if path.suffix == ".jsonl":
        samples = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        hits = [_true(s["is_correct"] if "is_correct" in s else s["correct"]) for s in samples]
        if not hits:
            raise ValueError("it holds no samples")
        return {"total_samples": len(hits), "correct_samples": sum(hits)}, {"samples": samples}
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__}, not a summary with samples")
    if "detailed_records" in content or "global_summary" in content:
        raise ValueError("a file of times alone; its numbers are read off the samples of the result")
    if not isinstance(content["summary"], dict):
        raise ValueError("its summary holds no numbers")
    return content["summary"], content


def _samples(content: Json) -> list[Json]:
    """Return the samples of a file; the cache scripts call them otherwise."""
    return content.get("samples") or content.get("detailed_results") or []


def _prefill_s(sample: Json) -> Any:
    """Return how long a sample's first generation took; the reading comprehension keeps times apart."""
    return sample.get("prefill_time") or (sample.get("timing") or {}).get("prefill_time")


def _count(value: Any) -> int | None:
    """Return a number of samples, None where there is none; raises ValueError if it is no such number."""
    if value is None:
        return None
    if not 0 <= value < 2**53 or value != int(value):
        raise ValueError(f"{value} is no number of samples")
    return int(value)


def _task(path: Path) -> str:
    for start, task in TASKS.items():
        if path.name.lower().startswith(start):
            return task
    raise ValueError("the file's name tells no task; give task in config: import")


def _family(path: Path, found: Json, content: Json) -> str:
    """Return which scripts wrote a file: the name says it, or else the keys of its settings."""
    config = found.get("config", {})
    if "kvpress" in path.name or _press(found, content):
        return CACHE
    return DART if "dart" in path.name.lower() or "reduction_ratio" in config else OTHERS


def _reduction(path: Path, found: Json, family: str, task: str, content: Json) -> Row:
    """Return method, layer and what was kept; their ratios say what was dropped."""
    config = found.get("config", {})
    if family == CACHE:
        press = _press(found, content)
        on = _true(press.get("enabled", True))
        dropped = _dropped(press.get("compression_ratio"), path) if on else 0.0
        name = str(press.get("press_type") or re.split(r"kvpress_", path.stem)[-1].split("_")[0])
        return _kept(f"kv-{name}" if dropped else "base", "cache", dropped, None, CACHED if dropped else None)
    if family == DART:
        on = _true(config.get("sparse", not re.search(r"_base(_|$)", path.stem)))
        dropped = _dropped(config.get("reduction_ratio"), path) if on else 0.0
        made = _kept("dart" if dropped else "base", "tokens", dropped, config.get("pruned_layer"), None)
        if dropped and task in ("vesus", "vox_age"):
            return made | {"keep_ratio_effective": 1.0, "note": OFF}
        if dropped and task in ("librispeech", "vox_gender"):
            return made | {"note": PARTLY}
        return made | {"keep_ratio_effective": _dart_kept(dropped, content) if dropped else 1.0}
    dropped = _dropped(config.get("prune_ratio"), path)
    name = str(config.get("prune_method", re.sub(r".*_([a-z_]+)_prune.*", r"\1", path.stem)))
    # Their code takes every name but these two for FastV.
    name = name if name in ("random", "frame") else "fastv"
    made = _kept(name if dropped else "base", "tokens", dropped, config.get("prune_layer_idx"), None)
    if dropped and task == "desed":
        made |= {"keep_ratio_effective": 1.0, "note": NO_EFFECT}
    return made


def _press(found: Json, content: Json) -> Json:
    """Return the settings of a cache press, wherever a script wrote them; empty where there are none."""
    for place in (found, found.get("config", {}), content):
        if place.get("kv_press"):
            return dict(place["kv_press"])
    return {}


def _dropped(setting: Any, path: Path) -> float:
    """Return the share dropped: that of the settings, or else of the file's name."""
    written = re.findall(r"(?:ratio_|prune[:_])(\d(?:\.\d+)?)", path.stem) or re.findall(
        r"_(\d\.\d+)", path.stem
    )
    if setting is None and not written:
        raise ValueError("neither its settings nor its name tell the share dropped")
    return float(written[-1] if setting is None else setting)


def _kept(method: str, kind: str, dropped: float, layer: Any, note: str | None) -> Row:
    if not 0 <= dropped < 1:
        raise ValueError(f"a share of {dropped:g} cannot be dropped")
    return {
        "method": method,
        "reducer": method,
        "compresses": kind,
        "keep_ratio": round(1 - dropped, 6),
        "layer": None if layer is None else int(layer),
        "note": note,
    }


def _dart_kept(dropped: float, content: Json) -> float | None:
    """Return the share DART kept: 4 pivots, and for each of 8 the same whole number of tokens."""
    lengths = [int(s["audio_tokens"]) for s in _samples(content) if s.get("audio_tokens")]
    kept = [4 + 8 * int(length * (1 - dropped) / 8) for length in lengths]
    return sum(kept) / sum(lengths) if lengths else None


def _scores(found: Json, family: str, task: str, total: int) -> Iterator[Row]:
    """Yield the metrics of a summary as shares."""
    for name in WER_NAMES:
        if name in found:
            scale = 1 if family == DART else 100
            note = "mean of the utterances' rates" + ("; punctuation counted" if family == DART else "")
            yield {"metric": "wer_mean", "value": float(found[name]) / scale, "note": note}
            return
    hits = _count(found.get("correct_samples"))
    if hits is not None and total:
        if hits > total:
            raise ValueError(f"{hits} of {total} samples correct")
        low, high = wilson(hits, total)
        yield {"metric": "accuracy", "value": hits / total, "low": low, "high": high, "interval": "wilson"}
    elif "overall_accuracy" in found:
        scale = 100 if task in IN_PERCENT else 1
        value = float(found["overall_accuracy"]) / scale
        if value > 1:
            raise ValueError(
                f"an overall_accuracy of {found['overall_accuracy']}, which {task} gives as a share"
            )
        yield {"metric": "accuracy", "value": value}
    values = found.get("metrics") or {}
    f1 = dict(found.get("sklearn_metrics") or {})
    if "overall_accuracy" not in found and hits is None and (f1 or values).get("accuracy") is not None:
        yield {"metric": "accuracy_parsed", "value": float((f1 or values)["accuracy"])}
    ending = "parsed" if task in NAMED_CLASSES else "letters_parsed"
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
