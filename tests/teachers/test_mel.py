"""The front end against a slow one written apart from it, against librosa's STFT, and under autocast."""

import librosa
import numpy as np
import pytest
import torch

from earmark.core.errors import UserError
from earmark.systems.tagging.teachers.mel import FrontEnd, LogMel, triangles


def slowly(wave: np.ndarray, sizes: FrontEnd) -> np.ndarray:
    """The formulas, sample by sample and bin by bin, in float64."""
    emphasised = np.array([wave[n + 1] - 0.97 * wave[n] for n in range(len(wave) - 1)], dtype=np.float64)
    half = sizes.n_fft // 2
    padded = np.concatenate([emphasised[half:0:-1], emphasised, emphasised[-2 : -half - 2 : -1]])
    window = np.zeros(sizes.n_fft)
    left = (sizes.n_fft - sizes.window) // 2
    for n in range(sizes.window):
        window[left + n] = 0.5 - 0.5 * np.cos(2 * np.pi * n / (sizes.window - 1))
    frames = 1 + (len(emphasised) + 2 * half - sizes.n_fft) // sizes.hop
    found = np.zeros((sizes.mels, frames))
    for t in range(frames):
        power = np.abs(np.fft.fft(padded[t * sizes.hop :][: sizes.n_fft] * window)[: half + 1]) ** 2
        for m, weights in enumerate(slow_triangles(sizes)):
            found[m, t] = (np.log(sum(w * power[k] for k, w in weights) + 1e-5) + 4.5) / 5
    return found


def slow_triangles(sizes: FrontEnd) -> list[list[tuple[int, float]]]:
    """Kaldi's weights of every bin in every band, as lists of (bin, weight)."""

    def mel(hertz: float) -> float:
        return 1127 * np.log(1 + hertz / 700)

    lowest, highest = mel(sizes.fmin), mel(sizes.fmax or sizes.sample_rate / 2 - 1000)
    step = (highest - lowest) / (sizes.mels + 1)
    bands = []
    for m in range(sizes.mels):
        left, centre, right = (lowest + (m + i) * step for i in range(3))
        band = []
        for k in range(sizes.n_fft // 2):
            at = mel(k * sizes.sample_rate / sizes.n_fft)
            if left < at < right:
                band.append((k, (at - left) / step if at <= centre else (right - at) / step))
        bands.append(band)
    return bands


@pytest.mark.parametrize(
    "sizes",
    [
        FrontEnd(),
        FrontEnd(hop=160, mels=40),
        FrontEnd(sample_rate=16000, n_fft=512, window=400, hop=160, mels=64, fmin=50, fmax=8000),
    ],
)
def test_log_mel_is_that_of_the_formulas(sizes) -> None:
    wave = np.random.default_rng(0).standard_normal(4000).astype(np.float32) * 0.1

    made = LogMel(sizes)(torch.from_numpy(wave)[None])

    expected = slowly(wave, sizes)
    assert made.shape == (1, 1, *expected.shape)
    np.testing.assert_allclose(made[0, 0].numpy(), expected, atol=2e-4)


def test_powers_are_those_of_librosas_stft() -> None:
    sizes = FrontEnd()
    wave = np.random.default_rng(1).standard_normal(32000).astype(np.float32) * 0.1
    emphasised = wave[1:] - np.float32(0.97) * wave[:-1]
    window = np.hanning(sizes.window)
    stft = librosa.stft(
        emphasised, n_fft=1024, hop_length=320, win_length=800, window=window, center=True, pad_mode="reflect"
    )

    made = LogMel(sizes)(torch.from_numpy(wave)[None])[0, 0].numpy()

    powers = np.exp(made.astype(np.float64) * 5 - 4.5) - 1e-5
    np.testing.assert_allclose(powers, triangles(sizes) @ np.abs(stft) ** 2, rtol=1e-3, atol=1e-6)


def test_ten_seconds_are_a_thousand_frames_of_128_bands_and_no_band_has_the_last_bin() -> None:
    made = LogMel(FrontEnd())(torch.zeros(1, 320000))

    assert made.shape == (1, 1, 128, 1000)
    assert (triangles(FrontEnd())[:, -1] == 0).all()
    assert FrontEnd().highest == 15000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_changes_nothing(dtype) -> None:
    front_end, wave = LogMel(FrontEnd()), torch.randn(1, 8000, generator=torch.manual_seed(0))

    with torch.autocast("cpu", dtype):
        inside = front_end(wave)

    assert inside.dtype == torch.float32
    assert torch.equal(inside, front_end(wave))


@pytest.mark.parametrize("wrong", [FrontEnd(window=2000), FrontEnd(fmax=20000), FrontEnd(fmin=16000)])
def test_sizes_that_contradict_each_other_are_named(wrong) -> None:
    with pytest.raises(UserError, match=r"^options: (window|fmin)"):
        LogMel(wrong, "options")
