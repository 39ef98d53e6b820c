"""One step of a training: samples, their features, and the loss that the language model makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from earmark.core.seeding import generator
from earmark.models.projector import Projector
from earmark.systems.encoders.extract import halved
from earmark.systems.encoders.order import Sample, Source, batches
from earmark.systems.encoders.recording import RATE, cropped
from earmark.systems.encoders.sequences import Layout, compact, upstream
from earmark.systems.encoders.speaker import Speaker
from earmark.systems.encoders.store import Features
from earmark.training.stage import Loss, Steps


class Share(NamedTuple):
    """What one process learns from in a step."""

    stored: list[Tensor]
    """Features [frames, width] of each clip, or audio [samples]."""
    prompts: list[list[int]]
    targets: list[list[int]]
    items: int
    """1; 0 for a stand-in where there are more processes than samples."""
    about: list[int] | None = None
    """The clip of each text; None where each has its own."""


class Order:
    """The samples of every step, and what is read for them.

    Args:
        sources: the data sets.
        features: what is stored of their clips.
        speaker: whose tokenizer reads their texts.
        size: samples in a batch, over all processes.
        bucket: samples sorted by length together.
        seed: of the order, and of stretches of audio.
        crop_s: longest audio where audio is stored; features were cut before.
        by_clip: whether size and bucket count clips, each with all its texts.

    """

    def __init__(
        self,
        sources: Sequence[Source],
        features: Features,
        speaker: Speaker,
        *,
        size: int,
        bucket: int,
        seed: int,
        crop_s: float,
        by_clip: bool = False,
    ) -> None:
        self._sources, self._features = sources, features
        self._size, self._bucket, self._seed, self._crop_s = size, bucket, seed, crop_s
        self._by_clip = by_clip
        self._ids = cache(speaker.ids)
        self._end = speaker.end

    def shares(self, steps: Steps) -> Iterator[Share]:
        """Yield this process's share of each step's batch; earlier steps are gone through, not read."""
        how = self._size, self._bucket, self._seed, self._tokens, self._by_clip
        every = batches(self._sources, *how)
        for step, samples in enumerate(islice(every, steps.last)):
            if step >= steps.first:
                mine = samples[steps.process :: steps.processes]
                yield self._read(mine or samples[:1], step, int(bool(mine)))

    def _tokens(self, sample: Sample) -> int:
        return len(self._ids(sample.prompt)) + len(self._ids(sample.text)) + 1

    def _read(self, samples: Sequence[Sample], step: int, items: int) -> Share:
        clips = list(dict.fromkeys(sample.clip for sample in samples))
        stored = [self._features.of(clip.shard, clip.key) for clip in clips]
        places = [clips.index(sample.clip) for sample in samples]
        about: list[int] | None = places
        if stored[0].ndim == 1:  # audio, of which each text gets a stretch of its own
            most = round(self._crop_s * RATE)
            stored = [
                torch.from_numpy(cropped(stored[place].numpy(), most, f"{step} {row}", self._seed))
                for row, place in enumerate(places)
            ]
            about = None
        return Share(
            stored,
            [self._ids(sample.prompt) for sample in samples],
            [[*self._ids(sample.text), self._end] for sample in samples],
            items,
            about,
        )


@dataclass(frozen=True)
class Learner:
    """Makes the loss of a step from features that are stored."""

    speaker: Speaker
    projector: Projector

    def loss(self, share: Share) -> Loss:
        """Return the summed loss over the targets' tokens; its mean is what is learned from."""
        return _loss(self.speaker, self._layout(share), share.items)

    def _layout(self, share: Share) -> Layout:
        tokens = [self.projector(features) for features in share.stored]
        return compact(tokens, share.prompts, share.targets, share.about)


@dataclass(frozen=True)
class Upstream(Learner):
    """The same in upstream's way: the encoder runs in the loop, in training mode, on the padded batch."""

    encoder: nn.Module
    half: bool
    """Whether only the first half of each clip's frames is kept, and batches end there."""

    def _layout(self, share: Share) -> Layout:
        waves = share.stored
        audio = nn.utils.rnn.pad_sequence(waves, batch_first=True)
        lengths = torch.tensor([len(wave) for wave in waves], device=audio.device)
        mask = (torch.arange(audio.shape[1], device=audio.device)[None] < lengths[:, None]).int()
        self.encoder.train()
        with torch.no_grad():
            features, kept = self.encoder(audio, mask)
        features = features.to(audio.device)
        if self.half:
            features, kept = first_half(features, [len(wave) for wave in waves])
        tokens = self.projector(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return upstream(tokens, kept, share.prompts, share.targets)


def first_half(features: Tensor, samples: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the frames that upstream's Whisper example keeps of a padded batch, and their mask."""
    frames = torch.tensor([halved(n) for n in samples], device=features.device)
    longest = int(frames.max())
    return features[:, :longest], (
        torch.arange(longest, device=features.device)[None] < frames[:, None]
    ).long()


def _loss(speaker: Speaker, layout: Layout, items: int) -> Loss:
    total, right = speaker.loss(layout)
    count = len(layout.wanted)
    return Loss(total * items, count * items, means={"accuracy": right.float() * items})


def fit(
    projector: Projector, features: Features, sources: Sequence[Source], seed: int, most: int = 500
) -> None:
    """Give the projector mean and deviation of the features it will see, from clips drawn by the seed."""
    clips = [clip for source in sources for shard in source.shards for clip in shard]
    chosen = generator(seed, "normalise").permutation(len(clips))[:most]
    projector.fit([features.of(clips[i].shard, clips[i].key) for i in chosen])
