"""The names of layers: ``encoder``, ``encoder.<i>``, ``projector``, ``lm.<i>``.

- ``encoder.<i>``: what the i-th layer of the audio encoder gave, ``encoder.0`` what the first is given;
  no final norm, 50 a second in the families of Qwen2-Audio
- ``encoder``: the encoder's result, pooled and normalised; as many as audio tokens, there 25 a second
- ``projector``: the same in the language model's width, as it reads audio
- ``lm.<i>``: what the i-th layer of the language model gave, ``lm.0`` its input; the last has passed the
  final norm, as in transformers' ``hidden_states``

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earmark.core.errors import UserError, nearest
from earmark.models.contract import Audio
from earmark.models.sizes import Depth

PARTS = ("encoder", "encoder.<i>", "projector", "lm.<i>")


@dataclass(frozen=True)
class Layer:
    """A layer by its parts: ``lm.7`` is ("lm", 7), ``projector`` ("projector", None)."""

    part: str
    index: int | None

    @property
    def name(self) -> str:
        """The name in paths and in config."""
        return self.part if self.index is None else f"{self.part}.{self.index}"

    def rows_per_token(self, audio: Audio) -> int:
        """How many rows of the layer's states stand for one audio token."""
        inner = self.part == "encoder" and self.index is not None
        return audio.positions_per_token if inner else 1

    def rows_per_second(self, audio: Audio) -> float:
        """Rows per second of audio."""
        return audio.tokens_per_second * self.rows_per_token(audio)


def parse(name: str) -> Layer:
    """Read a layer's name.

    Raises:
        UserError: it is none; names the nearest.

    """
    part, dot, index = name.partition(".")
    if part in ("encoder", "lm") and dot:
        if index.isdigit() and index == str(int(index)):
            return Layer(part, int(index))
        raise UserError(f"layer '{name}': '{index}' is no layer number; write {part}.0, {part}.1, ...")
    if name in ("encoder", "projector"):
        return Layer(name, None)
    if name == "lm":
        raise UserError("layer 'lm' needs a number: lm.0 is the language model's input, lm.1 its first layer")
    raise UserError(
        f"unknown layer '{name}'; {nearest(part, ('encoder', 'projector', 'lm'))} Layers are "
        f"{', '.join(PARTS)}"
    )


def check(layers: Sequence[Layer], depth: Depth, model: str) -> None:
    """Check that a model has the layers asked for.

    Raises:
        UserError: names the last one it has.

    """
    for layer in layers:
        most = depth.lm if layer.part == "lm" else depth.encoder
        if layer.index is not None and layer.index > most:
            raise UserError(
                f"layer '{layer.name}': model '{model}' has {most} layers there; "
                f"did you mean '{layer.part}.{most}'?"
            )


@dataclass(frozen=True)
class Plan:
    """What has to be computed for some layers; nothing behind the highest of each part.

    ``encoder_layers`` and ``lm_layers`` are how many layers to read, ``lm_layers`` None for no language
    model at all; ``project`` whether the projector is needed.
    """

    audio: tuple[str, ...]
    lm: tuple[int, ...]
    encoder_layers: int
    lm_layers: int | None
    project: bool

    @classmethod
    def of(cls, layers: Sequence[Layer], depth: Depth) -> Plan:
        """Return the least that gives all the layers."""
        lm = tuple(
            sorted({layer.index for layer in layers if layer.part == "lm" and layer.index is not None})
        )
        audio = sorted(
            {layer.name for layer in layers if layer.part != "lm"} | ({"projector"} if lm else set())
        )
        whole = not {"encoder", "projector"}.isdisjoint(audio)
        highest = max((layer.index or 0 for layer in layers if layer.part == "encoder"), default=0)
        return cls(
            tuple(audio),
            lm,
            depth.encoder if whole else highest,
            max(lm) if lm else None,
            "projector" in audio,
        )

    def norm(self, layer: Layer, depth: Depth) -> str:
        """Return which final norm a layer's states have passed: ``encoder``, ``lm`` or ``none``."""
        if layer.part == "lm":
            return "lm" if layer.index == depth.lm else "none"
        return "encoder" if layer.index is None else "none"
