"""What a token-reduction method is given and what it must return.

A method is one file in this folder with one frozen dataclass derived from `Reducer`. It says what
it needs (keys, attention, scores of the encoder), the lowest decoder layer it can run at, and where
each token of the audio span goes: `select` names those that stay; a method that merges overrides
`reduce` and maps tokens to slots. Everything that is the same for all methods (finding the span,
counting the budget, summing, gathering, masks, positions, records) is in `hooks.py`.

Shapes: `rows` is the batch, `prompt` the padded prompt length, `width` the longest audio span.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from earmark.reduction.probe import Probe


@dataclass(frozen=True)
class Span:
    """The prunable tokens of each row, in prompt order.

    A prompt with several recordings has one span made of all their tokens; the text between them
    is not part of it and is never dropped.
    """

    mask: Tensor
    """[rows, prompt] bool, True where a token may be dropped."""
    positions: Tensor
    """[rows, width] prompt positions of these tokens, ascending; meaningless past `lengths`."""
    lengths: tuple[int, ...]
    """Tokens in the span of each row, on the host: sizes are known without asking the device."""

    @classmethod
    def of(cls, mask: Tensor, lengths: tuple[int, ...]) -> "Span":
        """Build from a bool mask [rows, prompt] and its row sums."""
        order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
        return cls(mask, order[:, : max(lengths)], lengths)

    @property
    def filled(self) -> Tensor:
        """[rows, width] bool, False in the slots past the end of a shorter row."""
        return below(self.lengths, self.positions)

    def take(self, values: Tensor) -> Tensor:
        """Cut the span out of per-token values: [rows, prompt, ...] -> [rows, width, ...]."""
        return take_tokens(values, self.positions)


@dataclass(frozen=True)
class Known:
    """All that is known when the tokens are chosen, just before decoder layer K runs."""

    hidden: Tensor
    """[rows, prompt, hidden] states entering layer K."""
    span: Span
    text_after: Tensor
    """[rows, prompt] bool, the real tokens after the last token of the span."""
    budget: tuple[int, ...]
    """How many tokens of the span each row keeps; never more than `span.lengths`."""
    norm: Callable[[Tensor], Tensor]
    """The decoder's final RMSNorm."""
    keys: Tensor | None = None
    """[rows, kv heads, prompt, head dim] post-RoPE keys of layer K-1 (K=0: those layer 0 makes)."""
    attention: Tensor | None = None
    """[rows, prompt] attention of the last prompt token in layer K-1, mean over heads."""
    seed: int = 0
    sample_ids: tuple[str, ...] = ()
    reference: bool = False
    """Choose as the code published with AudioMarathon does, where that differs from our default."""
    starts: tuple[int, ...] = ()
    """Padding in front of each row's prompt; only where `reference` is set."""
    encoder: Mapping[str, Tensor] = field(default_factory=dict)
    """Scores that the audio encoder gave the span's tokens, by name: [rows, width] or [rows, width, dim]."""
    question: Tensor | None = None
    """[rows, prompt] bool, those of `text_after` that ask something: not the template's own tokens."""
    probe: "Probe | None" = None
    """Queries and keys of layer K-1 (K=0: of layer 0), for those who ask."""
    prompt: "Prompt | None" = None
    """The prompt as it entered layer 0, whole."""
    stage: int = 0
    """Which of the method's stages this is, from 0."""
    origin: Tensor | None = None
    """[rows, width] offset of every token of the span in the span of the whole prompt."""


@dataclass(frozen=True)
class Prompt:
    """The whole prompt as it entered the decoder, before anything was dropped."""

    hidden: Tensor
    """[rows, prompt, hidden] states entering layer 0."""
    span: Span
    text_after: Tensor
    """[rows, prompt] bool, the real tokens after the last token of the span."""


@dataclass(frozen=True)
class Reduced:
    """Where the tokens of a span go: each into at most one slot, or nowhere.

    A slot's state is the sum of its members' states, each times its weight. It stands where the token
    `place` stood: the sequence, its mask and its positions are those of the tokens at `place`.
    """

    place: Tensor
    """[rows, max(slots)] offset into the span that each slot stands at, ascending, padded with -1."""
    into: Tensor | None = None
    """[rows, width] slot of every token of the span, -1 where it is dropped; None: the tokens at `place`
    stay as they are and all others go."""
    weight: Tensor | None = None
    """[rows, width] weight of every token in its slot, float32; None: 1."""


@dataclass(frozen=True)
class Method(ABC):
    """What a user names: its fields are its options, its class variables what it needs."""

    kind: ClassVar[Literal["tokens", "cache"]]
    prefix: ClassVar[str] = ""
    lowest_layer: ClassVar[int] = 0
    keeps_all: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """What a user types: the name the class gives itself (`called`) or its file's, behind the prefix."""
        own = vars(type(self)).get("called", type(self).__module__.rpartition(".")[2])
        return self.prefix + str(own)

    @property
    def note(self) -> str:
        """What records should say beside the numbers; "" for nothing."""
        return ""

    @abstractmethod
    def reference_tokens(self, length: int, drop: float) -> int:
        """Tokens the published code keeps of `length` at drop ratio `drop`; capped by the caller."""


@dataclass(frozen=True)
class Reducer(Method):
    """A token-reduction method."""

    kind: ClassVar[Literal["tokens", "cache"]] = "tokens"
    reference_span: ClassVar[Literal["boundaries", "audio"]] = "boundaries"
    """What may go with `reference`: the audio with the tokens that open and close it, or the audio alone."""
    acts_at: ClassVar[int | None] = None
    """The layer its paper acts before, for configs that name none; None: the model's own."""
    needs_keys: ClassVar[bool] = False
    needs_attention: ClassVar[bool] = False
    needs_probe: ClassVar[bool] = False
    """Whether it asks `known.probe`."""
    needs_prompt: ClassVar[bool] = False
    """Whether it asks `known.prompt`, the states at the input."""

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """Names of the encoder's scores that it reads from `known.encoder` (see `encoder_scores.py`)."""
        return ()

    @property
    def exact(self) -> bool:
        """Whether it fills its budget; one that goes by a threshold may use less or more of it."""
        return True

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """Return the layers before which it acts, ascending: by default the one asked for."""
        return (layer,)

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """Return how many of `length` tokens are left after a stage of `stages`; `budget` after the last."""
        return budget

    def reference_tokens(self, length: int, drop: float) -> int:
        """Tokens the published code keeps of `length` at drop ratio `drop`; capped by the caller.

        The order of operations is theirs: `1 - drop` first, so 0.9 counts as 0.0999.. kept.
        """
        return max(1, int(length * (1 - drop)))

    def reduce(self, known: Known) -> Reduced:
        """Map the span's tokens to slots. Called only if some row keeps a token."""
        return Reduced(self.select(known))

    @abstractmethod
    def select(self, known: Known) -> Tensor:
        """Return offsets into the span to keep, sorted: [rows, max(budget)] long, padded with -1.

        Row r holds exactly `known.budget[r]` offsets. Of a method that merges these are its slots' places.
        """


TAKEN_OVER = (
    "needs_keys",
    "needs_attention",
    "needs_probe",
    "needs_prompt",
    "acts_at",
    "lowest_layer",
    "keeps_all",
)
"""What a wrapper says of itself as its inner method does."""


@dataclass(frozen=True)
class Wrapper(Reducer):
    """A method around another one: it needs what that one needs, and runs where that one runs."""

    inner: Reducer

    def __post_init__(self) -> None:
        """Take over what the inner method says of itself."""
        for need in TAKEN_OVER:
            object.__setattr__(self, need, getattr(self.inner, need))

    @property
    def needs_encoder(self) -> tuple[str, ...]:
        """As the inner method."""
        return self.inner.needs_encoder

    def stages(self, layer: int, depth: int) -> tuple[int, ...]:
        """As the inner method."""
        return self.inner.stages(layer, depth)

    def left(self, stage: int, length: int, budget: int, stages: int) -> int:
        """As the inner method."""
        return self.inner.left(stage, length, budget, stages)

    def reference_tokens(self, length: int, drop: float) -> int:
        """As many as the inner method."""
        return self.inner.reference_tokens(length, drop)


def below(limits: tuple[int, ...], like: Tensor) -> Tensor:
    """Bool [rows, like.shape[1]], True in the first `limits[r]` columns of row r."""
    columns = torch.arange(like.shape[1], device=like.device)
    return columns < torch.tensor(limits, device=like.device)[:, None]


def take_tokens(values: Tensor, positions: Tensor) -> Tensor:
    """Pick tokens along dimension 1: [rows or 1, prompt, ...], [rows, n] -> [rows, n, ...].

    Indexing copies whole rows; `gather` would read an index for every single number.
    """
    rows = torch.arange(positions.shape[0], device=values.device)[:, None]
    return values.expand(positions.shape[0], *values.shape[1:])[rows, positions.to(values.device)]


def first_of(ranking: Tensor, budget: tuple[int, ...]) -> Tensor:
    """Cut a ranking of span offsets, best first, to the budget and sort it.

    Args:
        ranking: [rows, >= max(budget)] long, distinct offsets in each row.
        budget: offsets to keep per row.

    Returns:
        [rows, max(budget)] long, ascending, padded with -1.

    """
    best = ranking[:, : max(budget)]
    beyond = torch.iinfo(best.dtype).max
    best = best.masked_fill(~below(budget, best), beyond).sort(dim=1).values
    return best.masked_fill(best == beyond, -1)
