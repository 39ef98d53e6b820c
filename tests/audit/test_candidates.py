"""The pairs proposed out of a database are those that holding every pair against each other gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from earmark.audio.fingerprint import RECORD, SLOTS, votes
from earmark.core.external_sort import database
from earmark.data.audit import candidates


@pytest.fixture(scope="module")
def sketches():
    """Sixty fingerprints that share slots by chance, some of them at one difference of time."""
    rng = np.random.default_rng(0)
    found = np.zeros((60, SLOTS), RECORD)
    found["key"] = rng.integers(1, 2**32, found.shape)
    found["frame"] = rng.integers(0, 50, found.shape)
    for _ in range(80):
        a, b = rng.choice(60, 2, replace=False)
        slots = rng.choice(SLOTS, rng.integers(1, 40), replace=False)
        found["key"][b, slots] = found["key"][a, slots]
        found["frame"][b, slots] = found["frame"][a, slots] + rng.integers(0, 4)
    found["key"][:, :3] = 0
    return found


def proposed(sketches):
    with database() as connection:
        connection.execute("CREATE TABLE clips (id INTEGER PRIMARY KEY, sha TEXT, print BLOB)")
        rows = [(f"{i}", each.tobytes()) for i, each in enumerate(sketches)]
        connection.executemany(
            "INSERT INTO clips VALUES (NULL, ?, ?)", [*rows, ("59", rows[59][1]), ("x", b"")]
        )
        candidates.propose(connection)
        found = list(connection.execute("SELECT a - 1, b - 1, votes, lag FROM candidates"))
        best = list(candidates.best(connection))
    assert len({row[:2] for row in found}) == len(found), "each pair once"
    return found, best


def agreeing(sketches, least):
    for a, b in itertools.combinations(range(len(sketches)), 2):
        count, lag = votes(sketches[a], sketches[b])
        if count >= least:
            yield a, b, count, lag


def test_pairs_that_agree_in_enough_slots_are_proposed(sketches):
    found, best = proposed(sketches)
    assert sorted(found) == sorted(agreeing(sketches, 2)) and len(found) > 50
    assert best == sorted((a + 1, b + 1, lag) for a, b, _, lag in found)


def test_in_a_large_set_two_slots_near_each_other_make_a_key(sketches, monkeypatch):
    monkeypatch.setattr(candidates, "SMALL", 10)
    found, _ = proposed(sketches)
    expected = []
    for a, b, count, lag in agreeing(sketches, 2):
        same = (sketches["key"][a] == sketches["key"][b]) & (sketches["key"][a] > 0)
        if (same & (np.roll(same, -1) | np.roll(same, -2))).any():
            expected.append((a, b, count, lag))
    assert sorted(found) == sorted(expected) and 20 < len(found) < len(list(agreeing(sketches, 2)))


def test_of_many_only_those_that_agree_most_are_compared(sketches, monkeypatch):
    monkeypatch.setattr(candidates, "BEST", 1)
    found, best = proposed(sketches)
    later = {b for _, b, *_ in found}
    assert [b - 1 for _, b, _ in sorted(best, key=lambda row: row[1])] == sorted(later)
    for a, b, _ in best:
        count = votes(sketches[a - 1], sketches[b - 1])[0]
        assert count == max(each for _, other, each, _ in found if other == b - 1)


def test_a_large_set_asks_for_more():
    assert [candidates.agreeing(n) for n in (10, 5_001, 60_000, 10**6)] == [2, 3, 4, 5]
