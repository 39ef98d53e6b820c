"""What is sorted on disk comes out as Python's own sort would give it."""

from __future__ import annotations

import random

from earmark.core.external_sort import lookup, sorted_rows


def test_sorting_on_disk_is_pythons_stable_sort():
    rng = random.Random(0)
    words = ["a", "B", "ä", "z", "Z\u0000x", "", "日本", "\U0001f3b5", "a b"]
    rows = [{"n": i, "key": (rng.choice(words), rng.random() // 0.2)} for i in range(2500)]
    with sorted_rows(iter(rows), lambda row: row["key"]) as ordered:
        expected = sorted(rows, key=lambda row: row["key"])
        assert list(ordered) == expected
        first, second = iter(ordered), iter(ordered)
        assert [next(first) for _ in range(600)] == [next(second) for _ in range(600)] == expected[:600]


def test_nothing_sorts_to_nothing():
    with sorted_rows(iter(()), lambda row: (row,)) as ordered:
        assert list(ordered) == []


def test_a_lookup_gives_the_rows_of_a_name_as_they_came():
    with lookup((name, i) for i, name in enumerate(["a", "b", "a", "'; DROP TABLE given; --"])) as of:
        assert of("a") == [0, 2] and of("b") == [1] and of("none") == []
        assert of("'; DROP TABLE given; --") == [3]
