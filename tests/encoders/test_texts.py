"""Labels are read and odd texts dropped as upstream does it; values of a real run of its code."""

from __future__ import annotations

import math

import pytest

from earmark.systems.encoders.texts import Unlabelled, is_corrupt, texts_of


@pytest.mark.parametrize(
    ("sample", "key", "texts"),
    [
        ({"label": "dog"}, "label", ["dog"]),
        ({"label": 0}, "label", ["0"]),
        ({"label": 1.5}, "label", ["1.5"]),
        ({"label": 1e20}, "label", ["1e+20"]),
        ({"label": False}, "label", ["False"]),
        ({"label": math.nan}, "label", ["nan"]),
        ({"label": " "}, "label", [" "]),
        ({"label": "", "text": "t"}, "label", [""]),
        ({"label": [], "text": "t"}, "label", ["t"]),
        ({"label": None, "text": "t"}, "label", ["t"]),
        ({"label": {"a": 1}, "text": "t"}, "label", ["t"]),
        ({"label": ["a", "b"]}, "label", ["a", "b"]),
        ({"label": [""]}, "label", [""]),
        ({"labels": "z", "label": "y"}, "label;labels", ["y"]),
        ({"labels": "z"}, "label;labels", ["z"]),
        ({" labels": "x"}, "label; labels", ["x"]),
        ({"text": "t", "caption": "c"}, None, ["c"]),
        ({"text": "t"}, "", ["t"]),
        ({"Label": "x", "text": "t"}, "label", ["t"]),
    ],
)
def test_the_first_field_that_has_a_text_counts(sample, key, texts):
    assert texts_of(sample, key) == texts


def test_numbers_in_a_list_are_texts_where_upstream_crashes():
    assert texts_of({"label": [3, 4]}, "label") == ["3", "4"]


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"other": "y"}, r"no label \(none of label, captions, caption, text\)"),
        ({"label": [["a"]]}, r"bad label \('label' holds a list\)"),
        ({"label": ["a", None]}, r"bad label \('label' holds a NoneType\)"),
    ],
)
def test_a_clip_without_a_usable_text_says_why(sample, message):
    with pytest.raises(Unlabelled, match=message):
        texts_of(sample, "label")


@pytest.mark.parametrize(
    ("text", "corrupt"),
    [
        ("", False), ("a", False), ("?!", True), ("oh [__]", True), ("...", True), ("a..", True),
        ("a b c d", False), ("- - x", True), ("aaaaaaaaaaa", True), ("abcabcabcab", True),
        ("haha haha ha", True), ("1; 2; 3", True), ("1 2 3 4 5 6", False), ("0", False), ("你好，世界", False),
        ("a\u0301e\u0301i\u0301o\u0301", True), ("\u0300" * 5 + "abcdefgh", False), ("A\u0333\u0366", True),
        ("😀😀a", True), ("สวัสดี", False), ("áéíóú", False),
    ],
)  # fmt: skip
def test_odd_texts_are_dropped(text, corrupt):
    assert is_corrupt(text) is corrupt
