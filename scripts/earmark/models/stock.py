"""What families of transformers' own classes share: their configs, and their audio side without the rest.

Modules and the way through them are the stock classes'; only the language model beside them is left out.
Clips are encoded one by one, so that a clip gives the same states whatever it is encoded with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.config import read_config
from earmark.models.contract import Family
from earmark.models.loading import unfilled
from earmark.models.sizes import Depth
from earmark.models.untrusted import read_part
from earmark.reduction.encoder_scores import SCORES


def stock(name: str) -> Any:
    """Return a class of transformers; UserError if the one that is installed has none of that name."""
    found = getattr(transformers, name, None)
    if found is None:
        raise UserError(
            f"transformers {transformers.__version__} has no {name}, which this kind of model needs; install "
            "the version of requirements.lock"
        )
    return found


class ReadConfig(Protocol):
    """What reads a checkpoint's config."""

    def __call__(self, checkpoint: Checkpoint) -> Any:
        """Return it; UserError for a damaged one or another family's."""


def reader(model_type: str, title: str, config: Any) -> ReadConfig:
    """Return what reads a checkpoint's config; UserError for a damaged one or another family's."""

    def parse(raw: Json) -> Any:
        if raw.get("model_type") != model_type:
            raise ValueError(f"model_type is {raw.get('model_type')!r}")
        return config.from_dict(raw)

    def read(checkpoint: Checkpoint) -> Any:
        return read_config(checkpoint, title, parse)

    return read


def depths(read: ReadConfig, section: str = "audio_config") -> Callable[[Checkpoint], Depth]:
    """Return what says how many layers both parts of a checkpoint have, and how wide they are.

    ``section`` of its config describes the tower.
    """

    def depth(checkpoint: Checkpoint) -> Depth:
        config = read(checkpoint)
        audio, text = getattr(config, section), config.text_config
        return Depth(audio.num_hidden_layers, text.num_hidden_layers, audio.hidden_size, text.hidden_size)

    return depth


class StockEncoder(ABC):
    """Audio in, audio tokens out; arguments as in the contract, but inner layers are refused."""

    family: ClassVar[type[Family]]
    build: ClassVar[Callable[[Any], Any]]
    """Class of the whole model without its head, or of the part that hears."""
    pieces: ClassVar[tuple[str, ...]] = ("audio_tower", "multi_modal_projector")
    """The modules of it that hear, by their names there; the first is the tower."""
    roots: ClassVar[tuple[str, ...]] = ("model.", "")
    """What may stand before these names in a checkpoint."""

    @staticmethod
    @abstractmethod
    def read_config(checkpoint: Checkpoint) -> Any:
        """Return the family's config."""

    @abstractmethod
    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return what the tower hears of audio [samples]: [features, frames]."""

    @abstractmethod
    def clip(self, mel: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Return the tokens [tokens, width] of one mel on the device, and scores of them, by name."""

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> None:
        if layers is not None or not project:
            raise UserError(
                f"{self.family.title}: of this family's encoder only the layer 'projector' is stored"
            )
        self.config = self.read_config(checkpoint)
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.width: int = self.config.text_config.hidden_size
        self.extractor = self.read_extractor(checkpoint)
        self.model = unfilled(lambda: self.built(self.config), checkpoint.folder)
        for name in self.pieces:
            beginnings = [f"{root}{name}." for root in self.roots]
            tensors = read_tensors(checkpoint, beginnings, self.dtype)
            fill(self.model.get_submodule(name), tensors, name.replace("_", " "), checkpoint.folder)
        self.model.eval().requires_grad_(False).to(self.device)
        self.tower: Any = self.model.get_submodule(self.pieces[0])
        self.depth: int = self.family().depth(checkpoint).encoder

    def read_extractor(self, checkpoint: Checkpoint) -> Any:
        """Return the checkpoint's feature extractor."""
        return read_part(AutoFeatureExtractor, checkpoint.folder, "feature extractor")

    def built(self, config: Any) -> Any:
        """Return the model without its language model."""
        return without_text(type(self).build, config)

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [tokens, width] of each mel, as the language model reads them."""
        return [states["projector"] for states in self.states(mels, ["projector"])]

    @torch.inference_mode()
    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the tokens [tokens, width] of each mel, and scores of them; UserError for inner layers."""
        if inner := [name for name in wanted if name not in ("projector", *SCORES)]:
            raise UserError(
                f"layer '{inner[0]}': of {self.family.title}'s encoder only the layer 'projector' is stored"
            )
        return [self.clip(mel.to(self.device, self.dtype), wanted) for mel in mels]


class Asked:
    """An encoder that can be asked what its last layer attends to; mixed into a :class:`StockEncoder`."""

    states: Callable[..., list[dict[str, Tensor]]]

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return the states [tokens, width] of each mel, and what its last layer attends to."""
        return [(found.pop("projector"), found) for found in self.states(mels, ["projector", *SCORES])]


def called_with(module: nn.Module, call: Callable[[], Tensor]) -> tuple[Tensor, tuple[Any, ...]]:
    """Return what ``call`` gives, and the positional arguments that ``module`` was given on the way."""
    given: list[tuple[Any, ...]] = []
    hook = module.register_forward_pre_hook(lambda _, args: given.append(args))
    try:
        return call(), given[0]
    finally:
        hook.remove()


def without_text(build: Callable[[Any], Any], config: Any) -> Any:
    """Return a model without its language model, which is built as small as its class allows and dropped."""
    kept = config.text_config.num_hidden_layers
    config.text_config.num_hidden_layers = 0
    try:
        model = build(config)
    finally:
        config.text_config.num_hidden_layers = kept
    model.language_model = nn.Identity()
    return model
