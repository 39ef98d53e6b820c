"""Windows of long audio cover every token once, overlap, and are never longer than allowed."""

import pytest

from earmark.systems.embeddings.windows import split


@pytest.mark.parametrize(("window", "overlap"), [(750, 0), (750, 50), (750, 51), (750, 350), (25, 12)])
def test_every_token_belongs_to_one_window_that_hears_it(window, overlap):
    for tokens in [1, window - 1, window, window + 1, *range(window, 4 * window, 7)]:
        cut = split(tokens, window, overlap)
        assert all(w.end - w.start <= window for w in cut)
        assert all(w.start <= w.own_start < w.own_end <= w.end for w in cut)
        assert [t for w in cut for t in range(w.own_start, w.own_end)] == list(range(tokens))
        assert all(a.end - b.start == overlap for a, b in zip(cut, cut[1:]))


def test_without_a_limit_audio_stays_whole():
    assert len(split(100_000, None, 50)) == 1
