"""Descriptions of a task's clips: from encoder states to one line a clip, resumable after any kill."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from earmark.core import devices
from earmark.core.devices import is_out_of_memory
from earmark.core.files import Json, exclusive, replacing, sha256
from earmark.core.jsonl import read_jsonl, write_jsonl
from earmark.core.progress import tqdm
from earmark.core.records import OK
from earmark.data.choice import choose
from earmark.models import needs
from earmark.models.checkpoint import Checkpoint
from earmark.models.contract import MARKS
from earmark.models.families import family
from earmark.models.features import FeatureStore, check_states, read_index
from earmark.models.outline import loaded
from earmark.models.state_writer import StateWriter
from earmark.scoring.question import Question
from earmark.systems.embeddings.asked import CaptionJob
from earmark.systems.embeddings.generate import Ask, Generation, Written
from earmark.systems.pruning import plan
from earmark.systems.pruning.plan import Row
from earmark.systems.pruning.runner import open_journal
from earmark.systems.pruning.samples import Sample


def run(
    chosen: CaptionJob,
    features: Sequence[Path],
    indexes: Sequence[Path],
    checkpoint: Path,
    output: Path,
    work: Path,
    code: str,
    threads: int,
) -> None:
    """Describe every clip; a killed run goes on from the last batch it finished.

    Raises:
        UserError: another process is at work in ``work``, or the prompt has no place for audio.

    """
    device = devices.prepare(chosen.device, threads)
    entry, asked = chosen.model, chosen.caption
    model = Checkpoint.read(checkpoint)
    kind = family(entry.kind)
    audio, per_token = kind.hears(entry.projector), kind.stored_per_token(entry.projector)
    read = [read_index(path, per_token) for path in indexes]
    check_states(features, [made for _, made in read])
    rows = [row for rows, _ in read for row in rows if row.clip.status in (OK, "failed")]
    rows = choose(sorted(rows, key=lambda r: r.clip.clip_id), asked.sample_limit, chosen.seed)
    limit = audio.tokens(entry.max_audio_s)
    samples = []
    for row in rows:
        clip = row.clip
        cut, truncated, failure = plan.windows(row.tokens, limit, chosen.task.long_audio)
        samples.append(
            Sample(
                clip.clip_id,
                clip.key,
                clip.labels[0] if clip.labels else "",
                clip.duration_s,
                Question(asked.prompt, (), 0),
                cut if clip.ok else (),
                truncated,
                failure if clip.ok else clip.reason,
            )
        )
    inputs = [model.digest, *(sha256(path) for path in indexes)]
    content = json.dumps([chosen.plain(), code, *inputs], sort_keys=True)
    with exclusive(work) as folder, FeatureStore(features, per_token) as store:
        place = folder / hashlib.sha256(content.encode()).hexdigest()[:16]
        for stale in folder.iterdir():
            if stale.name != "lock" and stale != place:
                shutil.rmtree(stale)
        place.mkdir(exist_ok=True)
        journal = place / "rows.jsonl"
        done = {r["clip_id"]: r for r in (read_jsonl(journal, torn=True) if journal.exists() else [])}
        outline = replace(entry.outline, max_audio_s=entry.max_audio_s)
        needs.announce(needs.evaluating(loaded(outline, model.folder, model.record), asked.batch_audio_s))
        decoder = kind.decoder(model, str(device), entry.dtype, entry.attention)
        generation = Generation(
            decoder,
            asked.max_new_tokens,
            asked.temperature,
            asked.top_p,
            chosen.seed,
            asked.generation_states,
        )
        batches = plan.batches(samples, audio.tokens(asked.batch_audio_s))
        Captions(generation, store, samples, asked.system, place).describe(batches, done)
        ordered = [done[s.clip_id] if s.clip_id in done else _row(s, []) for s in samples]
        common = {
            "model": entry.name,
            "task": chosen.task.name,
            "labels": entry.labels,
            "model_digest": model.digest,
            "prompt": asked.prompt,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
            "seed": chosen.seed,
            "code": code,
        }
        if asked.generation_states:
            _gather(place, samples, output.with_suffix(".safetensors"), common)
        write_jsonl(output, [row | common for row in ordered])
    shutil.rmtree(work, ignore_errors=True)
    failed = sum(row["status"] != "described" for row in ordered)
    print(f"{output}: {len(ordered) - failed} clips described, {failed} failed", flush=True)


class Captions:
    """The loop over batches; finished rows are on disk before the next batch starts."""

    def __init__(
        self,
        generation: Generation,
        store: FeatureStore,
        samples: Sequence[Sample],
        system: str | None,
        place: Path,
    ) -> None:
        self.generation, self.store, self.samples = generation, store, samples
        self.system, self.place = system, place

    def describe(self, batches: list[list[Row]], done: dict[str, Json]) -> None:
        """Write every batch that holds an unfinished clip; completes ``done``."""
        todo = [b for b in batches if any(self.samples[row.sample].clip_id not in done for row in b)]
        parts: dict[int, dict[int, Written | str]] = {}
        total = sum(map(len, batches))
        with (
            open_journal(self.place / "rows.jsonl") as journal,
            tqdm(total=total, initial=total - sum(map(len, todo)), unit="clip") as bar,
        ):
            for batch in todo:
                for row, written in zip(batch, self._write(batch), strict=True):
                    parts.setdefault(row.sample, {})[row.window] = written
                for number in [n for n in parts if len(parts[n]) == len(self.samples[n].windows)]:
                    sample, own = self.samples[number], parts.pop(number)
                    texts = [own[window] for window in range(len(sample.windows))]
                    for window, text in enumerate(texts):
                        if isinstance(text, Written) and text.states is not None:
                            save_file({"states": text.states}, self._states(sample, window))
                    done[sample.clip_id] = _row(sample, texts)
                    journal.write(json.dumps(done[sample.clip_id], ensure_ascii=False) + "\n")
                journal.flush()
                os.fsync(journal.fileno())
                bar.update(len(batch))

    def _states(self, sample: Sample, window: int) -> Path:
        return self.place / f"{sample.key}.{window}.safetensors"

    def _write(self, batch: list[Row]) -> list[Written | str]:
        """Write a batch; halve it as often as memory asks; a row alone that doesn't fit is a failure."""
        try:
            return list(self.generation.write([self._ask(row) for row in batch]))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed batch's tensors alive.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return ["out of memory"]
        middle = len(batch) // 2
        return self._write(batch[:middle]) + self._write(batch[middle:])

    def _ask(self, row: Row) -> Ask:
        """Return what one window is asked."""
        sample, decoder = self.samples[row.sample], self.generation.decoder
        prompt = sample.question.prompt
        if MARKS.audio in prompt:
            ids = decoder.raw_ids(prompt, row.tokens)
        else:
            ids = decoder.prompt_ids(prompt, self.system, row.tokens)
        states = self.generation.decoder.project(self.store.states(sample.key, *sample.windows[row.window]))
        return Ask(f"{sample.clip_id}\0{row.window}", ids, states)


def _row(sample: Sample, texts: Sequence[Written | str]) -> Json:
    """Return a clip's line; a window that failed fails the clip, with its reason."""
    failure = sample.failure or next((text for text in texts if isinstance(text, str)), None)
    written = [] if failure else [text for text in texts if isinstance(text, Written)]
    return {
        "clip_id": sample.clip_id,
        "status": "failed" if failure else "described",
        "reason": failure,
        "text": " ".join(text.text for text in written) if written else None,
        "windows": [text.text for text in written],
        "label": sample.label,
        "duration_s": sample.duration_s,
        "truncated": sample.truncated,
        "tokens_generated": [text.tokens for text in written],
        "ended": [text.ended for text in written],
    }


def _gather(place: Path, samples: Sequence[Sample], output: Path, common: Json) -> None:
    """Join the states of all clips: ``<key>`` [tokens, layers + 1, width], ``<key>.1`` for window 1."""
    found = [
        (sample.key if not window else f"{sample.key}.{window}", path)
        for sample in samples
        for window in range(len(sample.windows))
        if (path := place / f"{sample.key}.{window}.safetensors").is_file()
    ]
    metadata = {key: value if isinstance(value, str) else json.dumps(value) for key, value in common.items()}
    with replacing(output) as partial:
        with partial.open("wb") as stream:
            writer = StateWriter(stream, len(found), metadata)
            for key, path in found:
                writer.add(key, load_file(path)["states"])
            writer.close()
        partial.chmod(0o644)
