"""From audio to the states of the layers asked for, a batch of clips at a time.

Only what the highest layer of each part needs is loaded and computed: the encoder alone for encoder
layers, never an output head. All layers of a clip come from one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.models.contract import MARKS, Audio
from earmark.models.padding import left_padded
from earmark.systems.embeddings import windows
from earmark.systems.embeddings.layers import Layer, Plan
from earmark.systems.embeddings.pooling import pool
from earmark.systems.embeddings.store import Segment
from earmark.systems.embeddings.windows import Window


class Encoder(Protocol):
    """What extraction needs of a family's audio encoder."""

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram of audio [samples]."""

    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the states [rows, width] of each spectrogram, by layer."""


class Decoder(Protocol):
    """What extraction needs of a family's language model."""

    device: torch.device
    audio_id: int
    pad_id: int

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn."""

    def raw_ids(self, prompt: str, n_audio: int) -> list[int]:
        """Return the token ids of a prompt as it stands."""

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width]."""

    def hidden(
        self, embeddings: Tensor, mask: Tensor, positions: Tensor, wanted: Sequence[int]
    ) -> dict[int, Tensor]:
        """Return the states [rows, length, width] of the layers wanted."""


@dataclass(frozen=True)
class Embedded:
    """What one clip gave in one layer: states [rows, width] or [width], and what the rows are."""

    states: Tensor
    segments: list[Segment]
    windows: int


@dataclass(frozen=True)
class Piece:
    """A window of one clip of a batch."""

    clip: int
    window: Window
    number: int
    seconds: float


@dataclass
class Extractor:
    """Turns audio into the states of some layers.

    ``audio`` says how the family hears, and how long a window may be; ``overlap_s`` is what neighbouring
    windows share at least. ``prompt`` is taken as it stands if it holds the audio placeholder, and
    through the chat template if not.
    """

    encoder: Encoder
    decoder: Decoder | None
    plan: Plan
    layers: Sequence[Layer]
    pooling: str
    span: str
    dtype: torch.dtype
    prompt: str
    system: str | None
    audio: Audio
    overlap_s: float
    batch_tokens: int

    def pieces(self, clip: int, samples: int) -> list[Piece]:
        """Return the windows of a clip of so many samples; together they cover all of it."""
        token, window_s = self.audio.samples_per_token, self.audio.window_s
        tokens = -(-samples // token)
        limit = None if window_s is None else round(window_s * self.audio.tokens_per_second)
        overlap = round(self.overlap_s * self.audio.tokens_per_second)
        cut = windows.split(tokens, limit, overlap)
        rate = self.audio.sample_rate
        return [
            Piece(clip, window, number, (min(window.end * token, samples) - window.start * token) / rate)
            for number, window in enumerate(cut)
        ]

    @torch.inference_mode()
    def batch(self, audio: Sequence[NDArray[np.float32]]) -> Iterator[dict[str, Embedded]]:
        """Yield, clip by clip, the states of every layer."""
        pieces = [piece for number, wave in enumerate(audio) for piece in self.pieces(number, len(wave))]
        token = self.audio.samples_per_token
        mels = [
            self.encoder.mel(audio[p.clip][p.window.start * token : p.window.end * token]) for p in pieces
        ]
        heard = self.encoder.states(mels, self.plan.audio)
        lm = self._language(pieces, heard) if self.decoder is not None else None
        for number in range(len(audio)):
            own = [index for index, piece in enumerate(pieces) if piece.clip == number]
            yield {
                layer.name: self._assemble(
                    layer, [(pieces[i], heard[i], lm[i] if lm is not None else None) for i in own]
                )
                for layer in self.layers
            }

    def _ids(self, n_audio: int) -> list[int]:
        """Return the prompt's token ids with room for ``n_audio`` audio tokens."""
        assert self.decoder is not None
        if MARKS.audio in self.prompt:
            return self.decoder.raw_ids(self.prompt, n_audio)
        return self.decoder.prompt_ids(self.prompt, self.system, n_audio)

    def _language(
        self, pieces: Sequence[Piece], heard: Sequence[dict[str, Tensor]]
    ) -> list[tuple[list[int], dict[int, Tensor]]]:
        """Return prompt ids and the states [tokens, width] by layer of every window.

        Windows of like length go through together, padded on the left and masked.
        """
        ids = [self._ids(len(states["projector"])) for states in heard]
        found: dict[int, dict[int, Tensor]] = {}
        order = sorted(range(len(pieces)), key=lambda i: -len(ids[i]))
        while order:
            rows = max(1, min(len(order), self.batch_tokens // len(ids[order[0]])))
            chosen, order = order[:rows], order[rows:]
            found.update(zip(chosen, self._rows([ids[i] for i in chosen], [heard[i] for i in chosen])))
        return [(ids[i], found[i]) for i in range(len(pieces))]

    def _rows(
        self, ids: Sequence[list[int]], heard: Sequence[dict[str, Tensor]]
    ) -> Iterator[dict[int, Tensor]]:
        """Run the language model once over some prompts, the longest first."""
        decoder: Any = self.decoder
        longest = len(ids[0])
        table, mask, positions = left_padded(ids, decoder.pad_id, decoder.device)
        embeddings = decoder.embed(table, [states["projector"] for states in heard])
        hidden = decoder.hidden(embeddings, mask, positions, self.plan.lm)
        for number, row in enumerate(ids):
            yield {layer: states[number, longest - len(row) :] for layer, states in hidden.items()}

    def _assemble(
        self,
        layer: Layer,
        parts: Sequence[tuple[Piece, dict[str, Tensor], tuple[list[int], dict[int, Tensor]] | None]],
    ) -> Embedded:
        """Join a clip's windows, each giving the rows it answers for, and pool."""
        rows: list[Tensor] = []
        segments: list[Segment] = []
        end = 0
        per_token = layer.rows_per_token(self.audio)
        token_s = self.audio.samples_per_token / self.audio.sample_rate

        def take(kind: str, piece: Piece, states: Tensor, first_token: int) -> None:
            nonlocal end
            if self.span in (kind, "all") and len(states):
                start_s = end_s = None
                if kind == "audio":
                    start_s = round(first_token * token_s, 6)
                    heard_until = piece.window.start * token_s + piece.seconds
                    end_s = round(min(start_s + len(states) * token_s / per_token, heard_until), 6)
                segments.append(Segment(kind, piece.number, end, end + len(states), start_s, end_s))
                rows.append(states)
                end += len(states)

        for piece, heard, language in parts:
            window, last = piece.window, piece is parts[-1][0]
            a = (window.own_start - window.start) * per_token
            b = None if last else (window.own_end - window.start) * per_token
            if layer.part != "lm":
                take("audio", piece, heard[layer.name][a:b], window.own_start)
                continue
            assert language is not None and layer.index is not None and self.decoder is not None
            ids, hidden = language
            states, before = hidden[layer.index], ids.index(self.decoder.audio_id)
            behind = before + ids.count(self.decoder.audio_id)
            take("text", piece, states[:before], 0)
            take("audio", piece, states[before:behind][a:b], window.own_start)
            take("text", piece, states[behind:], 0)
        joined = torch.cat(rows)
        return Embedded(pool(joined, self.pooling).to(self.dtype), segments, len(parts))
