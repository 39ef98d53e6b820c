"""The language model of an audio family: tokenizer, decoder layers, output head; states and text in.

Families differ in the class of the decoder and in how a checkpoint spells its tensors; that is all a
family's own `Decoder` says. Fewer layers than the checkpoint has, or no head, are neither read nor
built.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from jinja2 import TemplateError
from torch import Tensor, nn
from transformers import AutoTokenizer
from transformers.initialization import no_init_weights

from earmark.core.errors import UserError
from earmark.models import ragged
from earmark.models.chat import followed, template_of
from earmark.models.checkpoint import DTYPES, Checkpoint, fill, read_tensors
from earmark.models.contract import MARKS, Family
from earmark.models.loading import Load, read_decoder, weight_bytes
from earmark.models.untrusted import in_a_line, read_json, read_part
from earmark.models.words import ids_of, text_of


class LanguageModel(ABC):
    """The decoder with its tokenizer and, unless it isn't wanted, its output head.

    Args:
        checkpoint: where the weights are.
        device: torch device.
        dtype: of weights and activations.
        attention: implementation that transformers knows.
        layers: first layers to read; None for all, and the final norm with them.
        head: whether to read the output head.
        load: how the weights are held, and prompts taken, in memory.

    """

    build: ClassVar[Callable[[Any], Any]]
    """Class of the decoder."""
    family: ClassVar[type[Family]]
    """What is written of the family: how checkpoints spell its tensors and prompts their audio."""

    @staticmethod
    @abstractmethod
    def read_config(checkpoint: Checkpoint) -> Any:
        """Return the family's config; it has a `text_config` and an `audio_token_id`."""

    @staticmethod
    def own_template() -> str | None:
        """Return the chat template that transformers brings for the family; None if it brings none."""
        return None

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
        load = load or Load()
        whole = self.read_config(checkpoint)
        checkpoint = self.adapted(checkpoint, whole)
        text = whole.text_config
        text._attn_implementation = ragged.implementation(attention)
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.folder = checkpoint.folder
        self.tokenizer = self.read_tokenizer()
        self.audio_id: int = whole.audio_token_id
        self.depth: int = text.num_hidden_layers
        self.layers = self.depth if layers is None else layers
        config = first_layers(text, self.layers)
        self.model: Any = read_decoder(
            lambda: cut_decoder(type(self).build(config), self.layers < self.depth),
            checkpoint,
            self.family.parts.decoder,
            self.dtype,
            self.device,
            load,
            self.owns,
        )
        self.head: Any = self._read_head(checkpoint, whole) if head else None
        self.model.eval().requires_grad_(False)
        self.stop_ids = self._stop_ids()
        self.pad_id: int = self.tokenizer.pad_token_id or 0

    def read_tokenizer(self) -> Any:
        """Return the checkpoint's tokenizer."""
        return read_part(AutoTokenizer, self.folder, "tokenizer")

    def adapted(self, checkpoint: Checkpoint, config: Any) -> Checkpoint:
        """Return the checkpoint with what an adapter beside it makes of its weights; here there is none."""
        return checkpoint

    def owns(self, name: str) -> bool:
        """Whether a tensor under the decoder's beginnings, by what follows them, is the decoder's."""
        return True

    def _read_head(self, checkpoint: Checkpoint, config: Any) -> nn.Linear:
        """Return the output head as stock transformers has it.

        A stored head is the head, whatever config.json says; it shares the embeddings' memory where both are
        meant to be one and are. Without one the embeddings are it, if the whole model's config says so: the
        text config's own flag, whose default is true in some families, is not asked.

        Raises:
            UserError: there is none.

        """
        text, table = config.text_config, self.model.embed_tokens.weight
        stored = read_tensors(checkpoint, self.family.parts.head, self.dtype)
        tied = bool(getattr(config, "tie_word_embeddings", False))
        if not stored and not tied:
            raise UserError(
                f"{self.folder}: no output head ({' or '.join(self.family.parts.head)}weight) is stored, and "
                "config.json does not tie it to the embeddings; fetch the checkpoint again, or set "
                "tie_word_embeddings there to true if it was trained so"
            )
        with no_init_weights(), torch.device("meta"):
            head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        if stored:
            fill(head, stored, "output head", self.folder)
            head.to(self.device)
        if tied and (not stored or torch.equal(head.weight, table)):
            head.weight = table
        return head.eval().requires_grad_(False)

    def weight_bytes(self) -> tuple[int, int]:
        """Return the bytes of the weights held in memory, and of those brought in layer by layer."""
        return weight_bytes(self.model, *([] if self.head is None else [self.head]))

    def _stop_ids(self) -> frozenset[int]:
        """Return the token ids that end an answer."""
        stops = {self.tokenizer.eos_token_id, self.tokenizer.convert_tokens_to_ids("<|im_end|>")}
        path = self.folder / "generation_config.json"
        content = read_json(path) if path.is_file() else {}
        stated = content.get("eos_token_id") if isinstance(content, dict) else None
        stops.update(stated if isinstance(stated, list) else [stated])
        return frozenset(i for i in stops if isinstance(i, int))

    def prompt_ids(self, prompt: str, system: str | None, n_audio: int) -> list[int]:
        """Return the token ids of one turn: audio first, then text, then the assistant's header."""
        # Labels and questions are data: a special token in them must stay text.
        user = [{"type": "audio"}, {"type": "text", "text": prompt.replace("<|", "< |")}]
        messages: list[dict[str, Any]] = [{"role": "user", "content": user}]
        if system:
            messages.insert(
                0, {"role": "system", "content": [{"type": "text", "text": system.replace("<|", "< |")}]}
            )
        try:
            text = followed(self.tokenizer, messages, self._template, self.folder, add_generation_prompt=True)
        except (TemplateError, TypeError, ValueError) as error:
            raise UserError(
                f"{self.folder}: its chat template refuses the prompt ({in_a_line(error)})"
            ) from None
        return self.expanded(text, n_audio)

    @cached_property
    def _template(self) -> str:
        """The chat template, looked for when it is needed: prompts taken as they stand need none."""
        return template_of(self.tokenizer, self.folder, self.audio_id, self.own_template())

    def raw_ids(self, prompt: str, n_audio: int) -> list[int]:
        """Return the token ids of a prompt taken as it stands, its audio placeholder expanded.

        Raises:
            UserError: it holds no placeholder, or more than one.

        """
        if prompt.count(MARKS.audio) != 1:
            raise UserError(f"prompt {prompt!r} must hold {MARKS.audio} once, where the audio goes")
        return self.expanded(self.family.marks.spelled(prompt), n_audio)

    def expanded(self, text: str, n_audio: int) -> list[int]:
        """Return the ids of a text with its one placeholder repeated; tokenising that costs more."""
        ids = ids_of(self.tokenizer, text, self.folder)
        if ids.count(self.audio_id) != 1:
            raise UserError(
                f"{self.folder}: its tokenizer makes {ids.count(self.audio_id)} places for audio of a prompt "
                "with one; fetch it again"
            )
        slot = ids.index(self.audio_id)
        return ids[:slot] + [self.audio_id] * n_audio + ids[slot + 1 :]

    def text_of(self, ids: Sequence[int]) -> str:
        """Return the text that token ids stand for, without special tokens."""
        return text_of(self.tokenizer, ids, self.folder)

    def project(self, stored: Tensor) -> Tensor:
        """Return a feature file's states as audio tokens [tokens, width]: here they are that already."""
        return stored

    def embed(self, ids: Tensor, states: Sequence[Tensor]) -> Tensor:
        """Return input embeddings [rows, length, width]: text from the table, audio from ``states``."""
        audio = ids == self.audio_id  # in some families no row of the table
        embeddings: Tensor = self.model.embed_tokens(ids.masked_fill(audio, 0))
        heard = torch.cat([s.to(self.device, self.dtype) for s in states])
        return embeddings.masked_scatter(audio[..., None], heard)

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Run the model and return logits of the last position only, [rows, vocabulary]."""
        states = self.model(
            inputs_embeds=embeddings,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        assert self.head is not None, "this decoder was loaded without its head"
        logits: Tensor = self.head(states[:, -1])
        return logits

    @torch.inference_mode()
    def hidden(
        self, embeddings: Tensor, mask: Tensor, positions: Tensor, wanted: Sequence[int]
    ) -> dict[int, Tensor]:
        """Return the states [rows, length, width] before layer i, for i in ``wanted``; no head, no cache.

        As transformers counts: 0 is the input, i what layer i - 1 gave, and the last, ``depth``, has
        passed the final norm. Nothing behind the layers that were read is computed.
        """
        found: dict[int, Tensor] = {0: embeddings} if 0 in wanted else {}
        if max(wanted) == 0:
            return found

        def keep(number: int) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                found[number] = output[0] if isinstance(output, tuple) else output

            return hook

        hooks = [
            self.model.layers[number - 1].register_forward_hook(keep(number))
            for number in set(wanted) - {0, self.depth}
        ]
        try:
            last: Tensor = self.model(
                inputs_embeds=embeddings, attention_mask=mask, position_ids=positions, use_cache=False
            ).last_hidden_state
        finally:
            for handle in hooks:
                handle.remove()
        if self.depth in wanted:
            found[self.depth] = last
        return found


def cut_decoder(model: Any, cut: bool) -> Any:
    """Return the decoder, if it was cut without its final norm, which belongs behind the last layer."""
    if cut:
        model.norm = nn.Identity()
    return model


def first_layers(config: Any, layers: int) -> Any:
    """Return a config of the first ``layers`` layers alone."""
    if layers == config.num_hidden_layers:
        return config
    cut = copy.deepcopy(config)
    cut.num_hidden_layers = layers
    if getattr(cut, "layer_types", None):
        cut.layer_types = cut.layer_types[:layers]
    return cut
