"""The command line of separate.py: what is asked wrongly ends in one line before anything is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.systems.separation import stored

sys.path.insert(0, str(SCRIPTS))
import separate


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "a.ogg"):
        soundfile.write(name, np.zeros(100), 8000)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["rain"], {}, "give recordings and, last, what to hear"),
        (["a.wav", " "], {}, "says nothing"),
        (["a.wav", "rain", "b.wav"], {}, "there is no file rain; recordings come first"),
        (["a.wav", "a.ogg", "rain"], {}, "a.ogg would be written to a-rain.flac, as is a.wav"),
        (["a.wav", "rain"], {"output": Path("./a.wav")}, "a.wav would be written to a.wav"),
        (["a.wav", "a.ogg", "rain"], {"output": Path("x.wav")}, "--output names one file"),
        (["a.wav", "rain"], {"overlap_s": 6.0}, "--overlap-s: more than 0, and at most half"),
        (["a.wav", "rain"], {"chunk_s": float("nan")}, "--overlap-s: more than 0, and at most half"),
        (["a.wav", "rain"], {"batch": 0}, "at least 1"),
        (["a.wav", "rain"], {}, "separators/ holds none"),
    ],
)
def test_what_is_asked_wrongly_ends_in_one_line(folder, words, options, said) -> None:
    with pytest.raises(UserError) as error:
        separate.main([Path(word) for word in words], **options)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("A dog!", "a-dog"),
        ("\u72ac\u306e\u58f0", "\u72ac\u306e\u58f0"),
        ("?!", "query"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_query_in_any_alphabet_names_its_file(query, slug) -> None:
    assert separate._slug(query) == slug


@pytest.mark.parametrize(
    ("output", "rate", "channels"), [("x.flac", 8000, 9), ("x.flac", 700_000, 1), ("x.ogg", 250_000, 1)]
)
def test_a_kind_of_file_that_can_t_hold_the_sound_is_said_before_it_is_separated(
    small, folder, output, rate, channels
) -> None:
    soundfile.write("a.wav", np.zeros((100, channels)), rate)
    described = {"text": {"kind": "spelled", "size": 8, "scale": 1}, "sizes": small.description()}
    stored.write(small.state_dict(), described, Path("separator.json"))
    with pytest.raises(UserError, match=f"{channels} channels at {rate} Hz, and .*; add --output x.wav"):
        separate.main([Path("a.wav"), Path("rain")], Path("separator.json"), output=Path(output), threads=1)


@pytest.mark.parametrize(
    ("separator", "adapter", "said"),
    [
        ("other.json", None, "other.json is no separator's record"),
        ("separator.json", "separator.json", "separator.json is no adapter's record"),
        ("none.json", None, "none.json is missing or damaged"),
        (
            "separator.json",
            "adapter.json",
            "adapter.json was trained on another separator than separator.json",
        ),
    ],
)
def test_a_record_of_something_else_is_recognised(small, folder, separator, adapter, said) -> None:
    text = {"kind": "spelled", "size": 8, "scale": 1}
    stored.write(small.state_dict(), {"text": text, "sizes": small.description()}, folder / "separator.json")
    stored.write({}, {"metrics": {}}, folder / "other.json")
    stored.write({}, {"base": "0", "adapter": {}}, folder / "adapter.json")
    with pytest.raises(UserError, match=said):
        separate.main(
            [Path("a.wav"), Path("rain")], Path(separator), Path(adapter) if adapter else None, threads=1
        )
