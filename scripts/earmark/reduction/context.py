"""What token reduction and cache compression share: hooks on a decoder, what a prefill is, positions.

A context puts hooks on when it is entered and takes them off when it is left, also by an exception.
In between it sees every call of the model: whose prompt it is, and whether it fills a cache or goes
on from one.
"""

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from earmark.core.errors import UserError
from earmark.reduction.decoder import Decoder, argument
from earmark.reduction.prompt import Seen
from earmark.reduction.record import RowRecord

Call = tuple[Any, dict[str, Any]]


@dataclass
class Remains:
    """What is left of a prompt in the layers that lost some of it."""

    width: int
    """Entries of the longest row that are left."""
    valid: Tensor | None
    """[rows, width] bool, False at padding; None if there is none."""
    last_position: Tensor
    """[rows, 1] position of the last prompt token."""

    def grown(self, total: int) -> Tensor | None:
        """Return ``valid`` for ``total`` entries: all that came after the prompt is real.

        Built from our own state: `generate` passes no mask if the prompts had no padding, while rows
        that keep different numbers of entries have some.
        """
        if self.valid is None:
            return None
        return torch.cat([self.valid, self.valid.new_ones(len(self.valid), total - self.width)], dim=1)


R = TypeVar("R", bound=Remains)


class PrefillContext(ABC, Generic[R]):
    """Hooks around one decoder; a subclass says in `attach` which layers it watches.

    `first_layer_loses` says that layer 0's cache gets shorter than the prompt, so that the model
    cannot count positions from it; `renumbers` that positions go on from what is left of it.
    """

    def __init__(self, decoder: Decoder, first_layer_loses: bool, renumbers: bool = False) -> None:
        self.decoder = decoder
        self.records: list[RowRecord] = []
        """One per row of the last prefill."""
        self.clock: Callable[[], float] = time.perf_counter
        """What the records' seconds are read from."""
        self._first_layer_loses = first_layer_loses
        self._renumbers = renumbers
        self._handles: list[Any] = []
        self._forget()

    def expect(
        self,
        audio_mask: Tensor | None = None,
        sample_ids: Sequence[str] | None = None,
        encoder: Mapping[str, Sequence[Tensor]] | None = None,
        question: Tensor | None = None,
    ) -> None:
        """Describe the next prefill, and only that one.

        Args:
            audio_mask: [rows, prompt] bool, True at the audio tokens, not at those that open and
                close them. Needed where no `input_ids` can be seen: calls with `inputs_embeds`,
                models whose config names no audio token.
            sample_ids: one per row, "" for all if not given. What methods draw depends on them.
            encoder: scores of the audio tokens by name (see `encoder_scores.py`), for each row a tensor
                [audio tokens, ...]. Needed by methods that read them.
            question: [rows, prompt] bool, the tokens that ask something; all text behind the audio if
                not given.

        """
        self._audio_mask = audio_mask
        self._sample_ids = None if sample_ids is None else tuple(map(str, sample_ids))
        self._encoder, self._question = encoder or {}, question

    def now(self, device: torch.device) -> float:
        """Seconds, after all work queued on a GPU is done."""
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return self.clock()

    @abstractmethod
    def attach(self) -> None:
        """Put hooks on the layers."""

    def __enter__(self) -> Self:
        """Put the hooks on."""
        for wrapper in self.decoder.wrappers:
            self.hook(wrapper, self._before_wrapper)
        self.hook(self.decoder.text, self._before_decoder)
        self.attach()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the hooks off and let go of everything but the records."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._forget()

    def hook(self, module: nn.Module, before: Any) -> None:
        """Call ``before`` before each call of a module."""
        self._handles.append(module.register_forward_pre_hook(before, with_kwargs=True))

    def hook_after(self, module: nn.Module, after: Any) -> None:
        """Call ``after`` after each call of a module."""
        self._handles.append(module.register_forward_hook(after, with_kwargs=True))

    def _forget(self) -> None:
        self.expect()
        self._input_ids: Tensor | None = None
        self._padding_mask: Any = None
        self._positions: Tensor | None = None
        self.remains: R | None = None
        """What is left of the prompt in work; None from the start of its prefill until that is known."""
        # By cache, so that several prompts can be decoded in turns.
        self._by_cache: weakref.WeakKeyDictionary[Any, R] = weakref.WeakKeyDictionary()

    def seen(self, like: Tensor) -> Seen:
        """Return what is known of the prompts being filled in, once; ``like`` is [rows, prompt, ...]."""
        seen = Seen(
            like,
            self._padding_mask,
            self._input_ids,
            self._audio_mask,
            self._sample_ids,
            self._encoder,
            self._question,
        )
        self._input_ids = None
        self.expect()
        return seen

    def remember(self, cache: Any, remains: R) -> None:
        """Note what is left of the prompt, for the decoding steps that will name its cache."""
        self.remains = remains
        if cache is not None:
            self._by_cache[cache] = remains

    def last_position(self, real: Tensor) -> Tensor:
        """Position of the last prompt token, [rows, 1]; models count from 0 if not told."""
        if self._positions is None:
            return torch.full_like(real[:, -1:], real.shape[1] - 1, dtype=torch.long)
        last = self._positions[..., -1:]
        last = last.amax(0) if last.dim() == 3 else last  # several rows of ids in mRoPE
        return last.expand(real.shape[0], 1)

    def _before_wrapper(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        self._input_ids = argument(module, "input_ids", args, kwargs)
        return self._with_positions(module, args, kwargs)

    def _before_decoder(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        cache = argument(module, "past_key_values", args, kwargs)
        ids = argument(module, "input_ids", args, kwargs)
        self._input_ids = ids if ids is not None else self._input_ids
        self._padding_mask = argument(module, "attention_mask", args, kwargs)
        self._positions = argument(module, "position_ids", args, kwargs)
        if cache is None or cache.get_seq_length() == 0:
            self.remains = None
        elif cache in self._by_cache:
            self.remains, self._input_ids = self._by_cache[cache], None
        else:
            raise UserError(
                "token reduction: this cache was filled outside the context; run the prefill inside it too"
            )
        return self._with_positions(module, args, kwargs)

    def _with_positions(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call | None:
        """Give a decoding step its positions if the caller left them to the model, or if they are ours.

        The model counts the entries in layer 0's cache: too few once layer 0 itself lost some.
        """
        cache = argument(module, "past_key_values", args, kwargs)
        if not self._first_layer_loses or cache is None or cache not in self._by_cache:
            return None
        past = cache.get_seq_length()
        given = argument(module, "position_ids", args, kwargs) is not None
        if past == 0 or (given and not self._renumbers):
            return None
        inputs = argument(module, "input_ids", args, kwargs)
        inputs = argument(module, "inputs_embeds", args, kwargs) if inputs is None else inputs
        remains = self._by_cache[cache]
        first = remains.last_position + 1 + past - remains.width
        positions = first + torch.arange(inputs.shape[1], device=first.device)
        return args, kwargs | {"position_ids": positions}
