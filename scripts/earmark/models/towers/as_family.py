"""A tower behind the contract of model families: its "mel" is the audio itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earmark.core.errors import UserError
from earmark.models import towers
from earmark.models.checkpoint import DTYPES, Checkpoint
from earmark.models.contract import AudioEncoder, TextDecoder
from earmark.models.sizes import Depth
from earmark.models.towers.asked import Tower
from earmark.models.untrusted import read_json

WIDTHS = ("hidden_size", "embed_dim")
DEPTHS = ("num_hidden_layers", "depth")


@dataclass(frozen=True)
class TowerCode:
    """What a family's code brings."""

    kind: str

    def depth(self, checkpoint: Checkpoint) -> Depth:
        """Return the encoder's depth and width, as config.json says; UserError if it says none."""
        content = read_json(checkpoint.folder / "config.json")
        content = content.get("audio_config", content)
        width = next((content[key] for key in WIDTHS if key in content), None)
        if not isinstance(width, int):
            raise UserError(f"{checkpoint.folder}/config.json names no width ({' or '.join(WIDTHS)})")
        layers = next((content[key] for key in DEPTHS if isinstance(content.get(key), int)), 1)
        return Depth(layers, 0, width)

    @property
    def Encoder(self) -> Callable[..., AudioEncoder]:
        """The encoder's class, its kind filled in."""
        return partial(Encoder, self.kind)

    def Decoder(self, *_: Any, **__: Any) -> TextDecoder:
        """Refuse: it answers nothing; UserError."""
        raise UserError(f"kind {self.kind} is an encoder and answers nothing: name a model composed of it")


class Encoder:
    """A tower whose clips are encoded one by one; there are no states of inner layers."""

    def __init__(
        self,
        kind: str,
        checkpoint: Checkpoint,
        device: str,
        dtype: str,
        layers: int | None = None,
        project: bool = True,
    ) -> None:
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.tower = towers.load(Tower(kind=kind, dtype=dtype), checkpoint, device)
        self.width: int = self.tower.output_dim  # type: ignore[assignment]
        self.depth = TowerCode(kind).depth(checkpoint).encoder

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return audio [samples] as a table of one band, [1, samples]."""
        return torch.from_numpy(np.ascontiguousarray(samples))[None]

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [frames, width] of each clip."""
        return [states["encoder"] for states in self.states(mels, ["encoder"])]

    @torch.inference_mode()
    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the result [frames, width] of each clip; UserError for inner layers."""
        if inner := [name for name in wanted if name != "encoder"]:
            raise UserError(f"layer '{inner[0]}': of this kind of encoder only the layer 'encoder' is stored")
        return [{"encoder": self.tower(mel.to(self.device), None)[0][0]} for mel in mels]
