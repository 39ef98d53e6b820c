"""One shard of one task through one model: audio in, all its configured layers out, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.core.checksums import Clips
from earmark.core.devices import is_out_of_memory
from earmark.core.errors import UserError
from earmark.core.files import replacing
from earmark.core.progress import tqdm
from earmark.core.records import Clip
from earmark.data import shards
from earmark.models.sizes import Depth
from earmark.models.state_writer import StateWriter
from earmark.systems.embeddings.extract import Embedded, Extractor
from earmark.systems.embeddings.layers import Layer
from earmark.systems.embeddings.store import EmbeddingRow, write_index


@dataclass
class Shard:
    """A shard's clips on their way to one file and one index per layer."""

    extractor: Extractor
    depth: Depth
    clips: Sequence[Clip]
    outputs: dict[str, Path]
    metadata: dict[str, str]

    def run(self, tar: Path, sample_rate: int, batch_s: float) -> None:
        """Write every layer's states and index; indexes last, so that they mark what is complete.

        Raises:
            UserError: the tar and its index disagree, or a state does not fit the storage type.

        """
        by_key = {clip.key: clip for clip in self.clips if clip.ok}
        rows = {name: {clip.key: self._row(clip, name) for clip in self.clips} for name in self.outputs}
        seen: set[str] = set()
        waiting: list[tuple[str, NDArray[np.float32]]] = []
        with ExitStack() as stack:
            writers = {}
            for name, path in self.outputs.items():
                stream = stack.enter_context(stack.enter_context(replacing(path)).open("wb"))
                writers[name] = StateWriter(stream, len(by_key), {**self.metadata, "layer": name})
            bar = stack.enter_context(tqdm(total=len(by_key), desc=f"embedding {tar.name}", unit="clip"))

            def flush() -> None:
                for (key, _), found in zip(waiting, self._batch([wave for _, wave in waiting]), strict=True):
                    for name, result in found.items():
                        self._write(writers[name], rows[name][key], result)
                bar.update(len(waiting))
                waiting.clear()

            for key, samples in shards.stream(tar, sample_rate):
                if key not in by_key:
                    raise UserError(
                        f"{tar} holds '{key}', unknown to its index; delete both to make them again"
                    )
                seen.add(key)
                waiting.append((key, samples))
                if sum(len(wave) for _, wave in waiting) >= batch_s * sample_rate:
                    flush()
            if waiting:
                flush()
            if len(seen) != len(by_key):
                raise UserError(
                    f"{tar} holds {len(seen)} of {len(by_key)} clips of its index; "
                    "delete both to make them again"
                )
            for writer in writers.values():
                writer.close()
        digest = Clips()
        for clip in self.clips:
            digest.add(clip)
        for name, path in self.outputs.items():
            path.chmod(0o644)
            ordered = [rows[name][clip.key] for clip in self.clips]
            metadata = {**self.metadata, **digest.metadata(path), "layer": name}
            write_index(path.parent.parent / f"{path.stem}.parquet", ordered, metadata)

    def _batch(self, waves: list[NDArray[np.float32]]) -> list[dict[str, Embedded]]:
        """Embed a batch; halve it as often as memory asks.

        Raises:
            UserError: a clip alone does not fit.

        """
        try:
            return list(self.extractor.batch(waves))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed batch's tensors alive.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(waves) == 1:
            raise UserError(
                f"out of memory on a single clip of {len(waves[0]) / 16000:.0f} s; "
                "ask for fewer layers at a time"
            )
        middle = len(waves) // 2
        return self._batch(waves[:middle]) + self._batch(waves[middle:])

    def _row(self, clip: Clip, name: str) -> EmbeddingRow:
        """Return a clip's row of a layer's index, before anything is known of its states."""
        layer: Layer = next(layer for layer in self.extractor.layers if layer.name == name)
        return EmbeddingRow(
            clip_id=clip.clip_id,
            key=clip.key,
            source_id=clip.source_id,
            labels=clip.labels,
            split=clip.split,
            duration_s=clip.duration_s,
            layer=name,
            pooling=self.extractor.pooling,
            span=self.extractor.span,
            norm=self.extractor.plan.norm(layer, self.depth),
            frames_per_second=layer.rows_per_second(self.extractor.audio),
            dtype=str(self.extractor.dtype).removeprefix("torch."),
            status=clip.status,
            reason=clip.reason,
        )

    def _write(self, writer: StateWriter, row: EmbeddingRow, result: Embedded) -> None:
        """Append a clip's states and complete its row.

        Raises:
            UserError: the states are not finite in the storage type.

        """
        states = result.states.cpu()
        if not bool(torch.isfinite(states).all()):
            raise UserError(
                f"{row.layer} of clip '{row.clip_id}' is not finite in {row.dtype}; "
                "set dtype: bfloat16 or float32 for these embeddings"
            )
        writer.add(row.key, states)
        row.shape, row.segments, row.windows = list(states.shape), result.segments, result.windows
        if states.dim() == 1:
            row.vector = states.float().tolist()
