"""ResUNet30 with FiLM, AudioSep's separation network (Liu et al., arXiv 2308.05037), in any size.

From the magnitudes of a mixture and the embedding of a query, a U-net of residual blocks makes a mask of
magnitudes in (0, 1) and a turn of the phases. So no bin is ever amplified; the highest one is always silent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.core.files import Json
from earmark.systems.separation.network.blocks import Decoder, Encoder, Film, Pool, Residual, norm
from earmark.systems.separation.network.spectrum import BINS, Spectrum, Transform

_QUIETEST = 1e-5


@dataclass(frozen=True)
class Sizes:
    """Channels of each level, and the frames and bins averaged between levels; defaults are AudioSep's.

    ``level``: root mean square that mixtures are brought to before the network and back from after it; None:
    as they come. ``compression``: power of the magnitudes that the network sees; plain magnitudes span so
    much that a short training hears the loudest bins alone. ``patch``: frames and bins that the first layer
    takes together and the last one parts again; the finest level is most of a small network's time. Left out,
    all three are as published.
    """

    channels: tuple[int, ...] = (32, 64, 128, 256, 384, 384)
    pools: tuple[Pool, ...] = ((2, 2), (2, 2), (2, 2), (2, 2), (2, 2), (1, 2))
    condition: int = 512
    level: float | None = None
    compression: float = 1.0
    patch: Pool = (1, 1)

    def __post_init__(self) -> None:
        """Check that levels and pools agree; raises ValueError."""
        if len(self.channels) != len(self.pools):
            raise ValueError(
                f"{len(self.channels)} levels of channels need as many pools, not {len(self.pools)}"
            )
        if (BINS - 1) % prod(bins for _, bins in (self.patch, *self.pools)):
            raise ValueError(f"patch and pools over bins must divide {BINS - 1}")

    @property
    def frames(self) -> int:
        """What the number of frames is padded to a multiple of."""
        return prod(frames for frames, _ in (self.patch, *self.pools))


class ResUNet(nn.Module):
    """The separation network; ``sizes`` of other than the published values make a smaller or larger one."""

    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or Sizes()
        channels, pools, condition = sizes.channels, sizes.pools, sizes.condition
        self.transform = Transform()
        self.norm = norm(BINS)
        self.stem = nn.Conv2d(1, channels[0], sizes.patch, sizes.patch)
        inner = (channels[0], *channels[:-1])
        self.encoders = nn.ModuleList(
            Encoder(a, b, pool, condition) for a, b, pool in zip(inner, channels, pools, strict=True)
        )
        self.middle = Residual(channels[-1], channels[-1], condition)
        outer = channels[::-1]
        self.decoders = nn.ModuleList(
            Decoder(a, b, pool, condition)
            for a, b, pool in zip((channels[-1], *outer[:-1]), outer, pools[::-1], strict=True)
        )
        # By patches of one bin, a transposed convolution is the published one; kept as the latter, whose
        # weights lie the other way round.
        self.head = (
            nn.Conv2d(channels[0], 3, 1)
            if sizes.patch == (1, 1)
            else nn.ConvTranspose2d(channels[0], 3, sizes.patch, sizes.patch)
        )
        self.apply(_initialise)
        self._start_unturned()

    def _start_unturned(self) -> None:
        """Let the first estimate be half the mixture, its phases as they are.

        The published start turns every phase at random, and a short training spends itself on undoing that.
        """
        with torch.no_grad():
            self.head.weight.zero_()
            assert self.head.bias is not None
            self.head.bias[1] = 1.0

    def forward(self, mixture: Tensor, condition: Tensor) -> Tensor:
        """Return what the queries ask for.

        Args:
            mixture: waveforms at 32 kHz, [batch, samples].
            condition: embeddings of the queries, [batch, sizes.condition].

        Returns:
            Waveforms [batch, samples].

        """
        if self.sizes.level is None:
            return self.separate(self.transform.analyse(mixture), condition)
        loud = mixture.square().mean(dim=-1, keepdim=True).sqrt().clamp(min=_QUIETEST)
        gain = self.sizes.level / loud
        return self.separate(self.transform.analyse(mixture * gain), condition) / gain

    def separate(self, spectrum: Spectrum, condition: Tensor) -> Tensor:
        """Return the same of a spectrum that is there already."""
        masked = apply_mask(self.mask(spectrum.magnitude, condition), spectrum)
        return self.transform.synthesise(masked)

    def mask(self, magnitude: Tensor, condition: Tensor) -> Tensor:
        """Return mask, cosine and sine before their activations, [batch, 3, frames, bins]."""
        frames, power = magnitude.shape[2], self.sizes.compression
        x = magnitude if power == 1 else magnitude.pow(power)
        x = self.norm(x.transpose(1, 3)).transpose(1, 3)
        x = F.pad(x, (0, 0, 0, -frames % self.sizes.frames))[..., : BINS - 1]
        x = self.stem(x)
        skips = []
        for encoder in self.encoders:
            assert isinstance(encoder, Encoder)
            skips.append(encoder(x, condition))
            x = encoder.down(skips[-1])
        x = self.middle(x, condition)
        for decoder in self.decoders:
            x = decoder(x, skips.pop(), condition)
        return F.pad(self.head(x), (0, 1))[:, :, :frames]

    def description(self) -> Json:
        """Return the sizes as JSON holds them."""
        return asdict(self.sizes)


def apply_mask(mask: Tensor, spectrum: Spectrum) -> Spectrum:
    """Return a spectrum scaled and turned by a network's mask [batch, 3, frames, bins]."""
    share = torch.sigmoid(mask[:, :1])
    cosine, sine = torch.tanh(mask[:, 1:2]), torch.tanh(mask[:, 2:])
    # No bound is needed below: where both are 0, in the highest bin, what is turned is silenced.
    length = (cosine.square() + sine.square()).clamp(min=1e-10).sqrt()
    cosine, sine = cosine / length, sine / length
    return Spectrum(
        F.relu(spectrum.magnitude * share),
        spectrum.cosine * cosine - spectrum.sine * sine,
        spectrum.sine * cosine + spectrum.cosine * sine,
        spectrum.samples,
    )


def _initialise(module: nn.Module) -> None:
    """Xavier-uniform weights and no biases, as published."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, Film)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
