"""The synthetic genres: reproducible, of exact length and level, and different from each other."""

import numpy as np
import pytest

from earmark.data.sources.synthetic import GENRES, SAMPLE_RATE, render


@pytest.mark.parametrize("genre", GENRES)
def test_the_same_seed_gives_the_same_samples(genre: str) -> None:
    first = render(genre, 3.0, np.random.default_rng(7))
    second = render(genre, 3.0, np.random.default_rng(7))
    other = render(genre, 3.0, np.random.default_rng(8))

    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 2.345, 10.0])
def test_length_is_exact_and_level_in_range(seconds: float) -> None:
    clip = render("rock", seconds, np.random.default_rng(0))

    assert clip.shape == (round(seconds * SAMPLE_RATE),)
    assert clip.dtype == np.float32
    assert 0.3 <= np.abs(clip).max() <= 0.9


def test_names_start_differently_and_do_not_repeat() -> None:
    assert len({name[:3] for name in GENRES}) == len(GENRES) == 8


def test_no_evidence_still_leaves_one_passage_of_the_genre() -> None:
    """The bed is the same for two genres, so what differs between them is the passages."""
    seldom = [
        render(genre, 10.0, np.random.default_rng(3), evidence=0.0, distract=0.0)
        for genre in ("metal", "classical")
    ]

    assert not np.array_equal(*seldom)


def test_more_evidence_changes_more_of_the_clip() -> None:
    bare, full = (
        render("metal", 20.0, np.random.default_rng(5), evidence=share, distract=0.0) for share in (0.1, 1.0)
    )

    # metal's constant kick and distortion are far less tonal than the bed's two partials
    assert _flatness(full) > 2 * _flatness(bare)


def _flatness(clip: np.ndarray) -> float:
    """Median over short frames of the energy share above 1 kHz."""
    frames = clip[: len(clip) // 1024 * 1024].reshape(-1, 1024)
    power = np.abs(np.fft.rfft(frames)) ** 2
    return float(np.median(power[:, 64:].sum(axis=1) / power.sum(axis=1)))


def test_an_unknown_genre_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="polka.*techno"):
        render("polka", 1.0, np.random.default_rng(0))
