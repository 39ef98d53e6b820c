"""Sections 1.2 and 1.3 of the specification, transcribed line by line from a state dict of public names.

Nothing of the library is used, and no module: what is compared with it is independent of it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DOWN = [(2, 2)] * 5 + [(1, 2)]


def separate(w: dict[str, Tensor], mix: Tensor, condition: Tensor) -> Tensor:
    """From [batch, samples] and [batch, 512] to [batch, samples], in evaluation mode."""

    def bn(x, name):
        return F.batch_norm(
            x,
            w[f"{name}.running_mean"],
            w[f"{name}.running_var"],
            w[f"{name}.weight"],
            w[f"{name}.bias"],
            training=False,
        )

    def beta(name):
        return (condition @ w[f"film.{name}.weight"].T + w[f"film.{name}.bias"])[:, :, None, None]

    def lrelu(x):
        return torch.where(x > 0, x, 0.01 * x)

    def res(x, block, part):
        p = f"base.{block}.{part}"
        h = F.conv2d(
            lrelu(bn(x, f"{p}.bn1") + beta(f"{block}->{part}->beta1")), w[f"{p}.conv1.weight"], padding=1
        )
        h = F.conv2d(
            lrelu(bn(h, f"{p}.bn2") + beta(f"{block}->{part}->beta2")), w[f"{p}.conv2.weight"], padding=1
        )
        if f"{p}.shortcut.weight" in w:
            x = F.conv2d(x, w[f"{p}.shortcut.weight"], w[f"{p}.shortcut.bias"])
        return x + h

    window = torch.hann_window(2048)
    spectrum = torch.stft(mix, 2048, 320, 2048, window, center=True, pad_mode="reflect", return_complex=True)
    re, im = spectrum.real.mT[:, None], spectrum.imag.mT[:, None]
    mag = torch.sqrt(torch.clamp(re**2 + im**2, min=1e-10))
    cos, sin = re / mag, im / mag
    frames = mag.shape[2]
    x = bn(mag.transpose(1, 3), "base.bn0").transpose(1, 3)
    padded = -(-frames // 32) * 32
    x = torch.cat([x, torch.zeros(len(x), 1, padded - frames, 1025)], dim=2)[..., :1024]
    x = F.conv2d(x, w["base.pre_conv.weight"], w["base.pre_conv.bias"])
    skips = []
    for i in range(6):
        x = res(x, f"encoder_block{i + 1}", "conv_block1")
        skips.append(x)
        x = F.avg_pool2d(x, DOWN[i])
    x = res(x, "conv_block7a", "conv_block1")
    for i in range(6):
        d = f"decoder_block{i + 1}"
        u = F.conv_transpose2d(
            lrelu(bn(x, f"base.{d}.bn1") + beta(f"{d}->beta1")),
            w[f"base.{d}.conv1.weight"],
            stride=DOWN[5 - i],
        )
        x = res(torch.cat([u, skips[5 - i]], 1), d, "conv_block2")
    m = F.conv2d(x, w["base.after_conv.weight"], w["base.after_conv.bias"])
    m = torch.cat([m, torch.zeros(*m.shape[:3], 1)], dim=3)[:, :, :frames]
    mask, c, s = torch.sigmoid(m[:, :1]), torch.tanh(m[:, 1:2]), torch.tanh(m[:, 2:])
    length = torch.clamp(torch.sqrt(c**2 + s**2), min=1e-10)
    c, s = c / length, s / length
    y = torch.relu(mag * mask)
    out = torch.complex(y * (cos * c - sin * s), y * (sin * c + cos * s))
    return torch.istft(out[:, 0].mT, 2048, 320, 2048, window, center=True, length=mix.shape[-1])
