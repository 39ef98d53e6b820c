"""A model made of parts: the states of a frozen encoder, a projector, a language model, maybe an adapter.

A composed checkpoint holds what was trained, the projector, and the folder ``adapter`` of peft,
and names its parts; their weights stay where they are. An adapter is added to the weights when they are
read, however they are held in memory, so that whatever works on a plain decoder works on this one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from earmark.config.load import Load
from earmark.core.errors import UserError
from earmark.core.files import replacing, write_json
from earmark.models import causal_lm
from earmark.models.adapter import adapter_of, save_adapter
from earmark.models.checkpoint import Checkpoint, fill, read_tensors
from earmark.models.families import family
from earmark.models.projector import Projector, Shape
from earmark.models.sizes import Depth

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MODEL_TYPE = "earmark_composed"


def depth(checkpoint: Checkpoint) -> Depth:
    """Return the depths and widths of the two parts."""
    heard, said = (checkpoint.part(name) for name in ("encoder", "decoder"))
    encoder, decoder = family(heard.record["kind"]).depth(heard), causal_lm.depth(said)
    return Depth(encoder.encoder, decoder.lm, encoder.encoder_width, decoder.lm_width)


def save(folder: Path, projector: Projector, adapted: Any | None) -> None:
    """Write what was trained: the projector and, if there is one, the adapter of a peft model."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": MODEL_TYPE, "projector": projector.shape.plain()}
    write_json(folder / CONFIG, config)
    with replacing(folder / WEIGHTS) as partial:
        save_file({name: value.contiguous() for name, value in projector.state_dict().items()}, partial)
        partial.chmod(0o644)
    if adapted is not None:
        save_adapter(folder, adapted)


def read_projector(checkpoint: Checkpoint) -> Projector:
    """Return the projector between the checkpoint's parts.

    Raises:
        UserError: its files are damaged, or it does not fit its parts' widths.
    """
    widths = depth(checkpoint)
    try:
        config = json.loads((checkpoint.folder / CONFIG).read_text())
        shape = Shape(**config["projector"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{checkpoint.folder / CONFIG} is damaged ({type(error).__name__}); train the model again"
        ) from None
    projector = Projector(shape, widths.encoder_width, widths.lm_width)
    fill(projector, read_tensors(checkpoint, ("",), torch.float32), "projector", checkpoint.folder)
    return projector.eval().requires_grad_(False)


class Encoder:
    """The encoder part, and the projector where it is asked for; see the parts' own classes."""

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        part = checkpoint.part("encoder")
        kind = family(part.record["kind"])
        self._own: Any = kind.encoder(part, device, dtype, layers, project=False)
        self._projector = read_projector(checkpoint).to(device) if project else None
        self.device, self.depth, self.tower = self._own.device, self._own.depth, self._own.tower
        self.width: int = depth(checkpoint).lm_width

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram of audio [samples], as the encoder takes it."""
        mel: Tensor = self._own.mel(samples)
        return mel

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the tokens [tokens, width] of each mel, as the language model reads them."""
        return [states["projector"] for states in self.states(mels, ["projector"])]

    @torch.inference_mode()
    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the states of each mel by layer.

        ``encoder.<i>`` as the encoder has them; ``encoder`` its result as the projector is given it, and
        ``projector`` the tokens, both at the rate of tokens.
        """
        last = not {"encoder", "projector"}.isdisjoint(wanted)
        inner = [name for name in wanted if name.startswith("encoder.")] + (["encoder"] if last else [])
        found: list[dict[str, Tensor]] = self._own.states(mels, inner)
        for states in found:
            if last:
                assert self._projector is not None, "this encoder was loaded without its projector"
                result = states["encoder"]
                states["encoder"] = self._projector.stacked(result)
                states["projector"] = self._projector(result)
        return [{name: states[name] for name in wanted} for states in found]


class Decoder(causal_lm.Decoder):
    """The language model with its adapter and the projector in front of it."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str,
        dtype: str,
        attention: str,
        layers: int | None = None,
        head: bool = True,
        load: Load | None = None,
    ) -> None:
        part = checkpoint.part("decoder")
        part = replace(part, changes=adapter_of(checkpoint, part))
        super().__init__(part, device, dtype, attention, layers, head, load)
        self._projector = read_projector(checkpoint).to(self.device)

    @torch.inference_mode()
    def project(self, stored: Tensor) -> Tensor:
        """Return a feature file's states [positions, encoder width] as audio tokens [tokens, width]."""
        tokens: Tensor = self._projector(stored.to(self.device))
        return tokens
