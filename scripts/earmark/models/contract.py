"""The contract of a model family: what the rest of earmark knows of a model, and all it needs to know.

A family is one file in ``models/families/`` with one subclass of :class:`Family`; its name is the file's,
and ``kind`` in a model's config. The class states facts as numbers, and makes the two parts of a model:
an audio encoder and a language model. The facts are read when the workflow is parsed, so a family's file
imports neither torch nor transformers at its top; the methods import what they need.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from earmark.core.files import Json
from earmark.models.sizes import Depth, Sizes, sizes_in

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from earmark.config.load import Load
    from earmark.config.projector import Projector
    from earmark.models.checkpoint import Checkpoint


@dataclass(frozen=True)
class Marks:
    """How a prompt's text spells a recording: what opens it, its placeholder, what closes it.

    Prompts in config are written in the spelling of :data:`MARKS` whatever the family; a family with
    other tokens says so, and one without a token for an end says "".
    """

    begin: str = "<|audio_bos|>"
    audio: str = "<|AUDIO|>"
    end: str = "<|audio_eos|>"

    @property
    def whole(self) -> str:
        """A recording with both ends."""
        return self.begin + self.audio + self.end

    def spelled(self, prompt: str) -> str:
        """Return a prompt of config, written with :data:`MARKS`, with these."""
        for house, own in zip(astuple(MARKS), astuple(self), strict=True):
            prompt = prompt.replace(house, own)
        return prompt


MARKS = Marks()
"""The spelling of config and of the families of Qwen2-Audio."""


@dataclass(frozen=True)
class Audio:
    """How a family hears: what a second of audio becomes on its way into the language model.

    Everything is counted in samples, which is exact where 7.5 tokens a second are not.
    """

    sample_rate: int = 16_000
    """Hz, of what the encoder is given."""
    mel_hop: int = 160
    """Samples between two mel frames."""
    samples_per_token: int = 640
    """Samples behind one audio token of the language model."""
    positions_per_token: int = 2
    """Positions inside the audio tower that are pooled to a token."""
    attention_s: float | None = None
    """Seconds of audio that attend to each other inside the tower; None: a whole window."""
    window_s: float | None = None
    """Longest audio that the encoder takes at once, in seconds; None: any."""

    @property
    def tokens_per_second(self) -> float:
        """Audio tokens a second."""
        return self.sample_rate / self.samples_per_token

    @property
    def positions_per_second(self) -> float:
        """Positions a second inside the audio tower."""
        return self.tokens_per_second * self.positions_per_token

    @property
    def mel_per_second(self) -> float:
        """Mel frames a second."""
        return self.sample_rate / self.mel_hop

    def tokens(self, seconds: float) -> int:
        """Return how many whole audio tokens fit into ``seconds``."""
        return int(seconds * self.tokens_per_second)


class AudioEncoder(Protocol):
    """The audio tower, its mel front end and the projection into the language model."""

    device: torch.device
    width: int
    """Of the states that the language model reads."""
    depth: int
    """Layers of the whole tower."""
    tower: Any
    """The module, its weights as ``parameters()``."""

    def mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram [bands, frames] of audio [samples], at its natural length."""

    def encode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Return the states [tokens, width] of each mel, as the language model reads them."""

    def states(self, mels: Sequence[Tensor], wanted: Sequence[str]) -> list[dict[str, Tensor]]:
        """Return the states of each mel, by layer: ``encoder.<i>``, ``encoder``, ``projector``."""


@runtime_checkable
class Attending(Protocol):
    """An encoder that also tells what its last layer attends to, for the methods that ask."""

    def heard(self, mels: Sequence[Tensor]) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return of each mel what ``encode`` gives, and scores of its tokens by name.

        Names and meaning are those of ``reduction/encoder_scores.py``: [tokens] or [tokens, width].
        """


class TextDecoder(Protocol):
    """The tokenizer, the language model and its output head; see ``models/language.py``."""

    model: Any
    """The decoder: ``layers``, ``norm``, ``rotary_emb``, ``embed_tokens``."""
    head: Any
    device: torch.device
    tokenizer: Any
    audio_id: int
    """Id of the audio placeholder."""
    pad_id: int
    stop_ids: frozenset[int]

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn through the chat template, with room for ``n_audio`` tokens."""

    def raw_ids(self, prompt: str, n_audio: int) -> list[int]:
        """Return the token ids of a prompt taken as it stands; it holds ``MARKS.audio`` once."""

    def text_of(self, ids: Sequence[int]) -> str:
        """Return the text that token ids stand for, without special tokens."""

    def project(self, stored: Tensor) -> Tensor:
        """Return a feature file's states as audio tokens [tokens, width], as ``embed`` takes them."""

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width]: how audio enters."""

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Return logits of the last position, [rows, vocabulary]."""

    def hidden(
        self, embeddings: Tensor, mask: Tensor, positions: Tensor, wanted: Sequence[int]
    ) -> dict[int, Tensor]:
        """Return the states [rows, length, width] before the layers ``wanted``."""

    def weight_bytes(self) -> tuple[int, int]:
        """Return the bytes of the weights held in memory, and of those brought in layer by layer."""


@dataclass(frozen=True)
class Parts:
    """Which of a checkpoint's tensors belong to what, by the beginnings of their names.

    Of a name that fits in more than one place the longest beginning counts.
    """

    encoder: Sequence[str]
    """The audio tower."""
    decoder: Sequence[str]
    """The language model without its head: what follows is ``embed_tokens.``, ``layers.<i>.``, ``norm.``."""
    projector: Sequence[str] = ()
    """The projection into the language model, where it is no part of the tower."""
    head: Sequence[str] = ("lm_head.",)
    """The output head."""
    unread: tuple[str, ...] = ()
    """What nothing here reads: its files need not be there."""


TRANSFORMERS = Parts(
    encoder=("audio_tower.", "model.audio_tower."),
    projector=("multi_modal_projector.", "model.multi_modal_projector."),
    decoder=("language_model.model.", "model.language_model."),
    head=("language_model.lm_head.", "lm_head."),
)
"""As transformers spells most families: the older names, which published checkpoints have, and the newer."""


class Code(Protocol):
    """What a family's code brings: a module, or anything with these three."""

    @property
    def depth(self) -> Callable[[Checkpoint], Depth]:
        """How many layers both parts of a checkpoint have, and how wide they are."""

    @property
    def Encoder(self) -> Callable[..., AudioEncoder]:
        """The encoder's class; arguments as :meth:`Family.encoder` takes them."""

    @property
    def Decoder(self) -> Callable[..., TextDecoder]:
        """The language model's class; arguments as :meth:`Family.decoder` takes them."""


class Family(ABC):
    """A family of models: facts, and how its two parts are made."""

    title: ClassVar[str]
    """As people write it."""
    audio: ClassVar[Audio]
    parts: ClassVar[Parts]
    marks: ClassVar[Marks] = MARKS
    answers: ClassVar[bool] = True
    """Whether its models answer questions about audio; one that does not is a part of composed ones."""
    published: ClassVar[Mapping[str, Sizes]] = {}
    """Sizes of published checkpoints by repository, to say what they cost before they are fetched."""
    beside: ClassVar[int] = 0
    """Weights in the same files that nothing reads and that are fetched with them: an image tower's."""

    @property
    def name(self) -> str:
        """The name in config: that of the file."""
        return type(self).__module__.rpartition(".")[2]

    def hears(self, projector: Projector) -> Audio:
        """Return how a model hears: as its family, unless the projector of a composed one decides it."""
        return self.audio

    def stored_per_token(self, projector: Projector) -> int:
        """Return how many states of a feature file become one audio token of a model."""
        return 1

    def sizes(self, config: Json) -> Sizes | None:
        """Return the sizes that a checkpoint's config.json states; None if it leaves one out."""
        return sizes_in(config)

    @abstractmethod
    def code(self) -> Code:
        """Import and return the family's code; the import statement belongs into this method."""

    def depth(self, checkpoint: Checkpoint) -> Depth:
        """Return how many layers both parts have, and how wide they are; UserError if not of this family."""
        return self.code().depth(checkpoint)

    def encoder(
        self, checkpoint: Checkpoint, device: str, dtype: str, layers: int | None = None, project: bool = True
    ) -> AudioEncoder:
        """Return the audio encoder.

        Args:
            checkpoint: where the weights are.
            device: torch device.
            dtype: of weights and activations.
            layers: first layers to read; None for all, and the final norm with them.
            project: whether the projection into the language model is read.

        Raises:
            UserError: the checkpoint is damaged or of another family.

        """
        return self.code().Encoder(checkpoint, device, dtype, layers, project)

    def decoder(
        self,
        checkpoint: Checkpoint,
        device: str,
        dtype: str,
        attention: str,
        layers: int | None = None,
        head: bool = True,
        load: Load | None = None,
    ) -> TextDecoder:
        """Return the language model; arguments as in :class:`earmark.models.language.LanguageModel`.

        Raises:
            UserError: the checkpoint is damaged, of another family, or a package is missing.

        """
        return self.code().Decoder(checkpoint, device, dtype, attention, layers, head, load)
