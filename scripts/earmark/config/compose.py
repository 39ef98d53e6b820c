"""Models made of parts: what they are made of and how what lies between is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from earmark.config.asked import Heard
from earmark.config.links import link
from earmark.config.projector import Projector
from earmark.config.section import Section, left_out
from earmark.config.values import Count, Distinct, Positive


class Adapter(Section):
    """A low-rank adapter of a language model (peft)."""

    rank: Count = 8
    """its rank"""

    alpha: Positive = 32
    """scale, divided by the rank"""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """of its input, in training"""

    targets: Literal["all-linear"] | list[str] = "all-linear"
    """the linear maps that get one, by name"""


class Lora(Adapter):
    """A low-rank adapter of the decoder (peft)."""

    rate: Positive = 0.0005
    """peak learning rate"""


class Fold(Section):
    """One of several equal shares of a task's original recordings, for cross-validation."""

    fold: Count
    """which one, from 1"""

    of: int = Field(ge=2)
    """how many there are"""

    @model_validator(mode="after")
    def _there(self) -> Fold:
        if self.fold > self.of:
            raise ValueError(f"fold {self.fold} of {self.of} does not exist")
        return self


class Learning(Section):
    """How what lies between the parts is trained."""

    hold_out: Annotated[float, Field(gt=0, le=0.5)] | Fold | Distinct[str] | None = None
    """clips to choose settings on: not learned from but asked, right answers in training.json; a share of the
    original recordings, one of several equal shares ({fold: 1, of: 2}), or groups (speakers, folds); null:
    none"""

    lora: Lora | None = None
    """low-rank adapter of the decoder; null: none"""

    seed: int = Field(default=0, ge=0)
    """of weights, batches and question order"""

    steps: Count = 400
    """batches"""

    rows: Count = 16
    """clips in a batch, at most"""

    tokens: Count = 600
    """tokens in a batch, at most, prompts and padding included; one clip is always taken"""

    rate: Positive = 0.001
    """peak learning rate of the projector"""

    weight_decay: float = Field(default=0.01, ge=0)
    """decay of the weights"""

    warmup: int = Field(default=20, ge=0)
    """steps up to the peak rate"""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """of the frozen decoder in training; bfloat16 pays on GPUs and on CPUs with AMX"""

    save_every: Count = 50
    """steps between saved states"""


class Made(Section):
    """What a model is composed of, and for what."""

    encoder: Annotated[str, link("models")]
    """a model of kind whisper, or of projector.heard_by; its weights stay as they are"""

    decoder: Annotated[str, link("models")]
    """a model of kind causal_lm; its weights stay as they are, but for lora"""

    tasks: list[Annotated[str, link("tasks")]] = Field(min_length=1)
    """tasks whose training splits are learned from, one a batch, drawn at random"""

    ask: list[Annotated[str, link("tasks")]] | None = left_out(min_length=1)
    """tasks that are not learned from, but asked about the clips of their training split that are held out"""

    @property
    def heard(self) -> list[str]:
        """The tasks whose clips are heard: those learned from, then those only asked."""
        return [*self.tasks, *(self.ask or [])]


class Compose(Learning, Made):
    """A frozen encoder, a projector trained here, a language model."""

    @model_validator(mode="after")
    def _something_is_held_out(self) -> Compose:
        if self.ask and self.hold_out is None:
            raise ValueError("ask is for what is held out; say what with hold_out")
        return self


class Kinds(Section):
    """The families of both parts."""

    encoder: str
    decoder: str


class Composing(Learning):
    """What the training of a composed model is given."""

    projector: Projector
    device: str
    tasks: list[Heard]
    ask: list[Heard] | None = left_out()
    kinds: Kinds
