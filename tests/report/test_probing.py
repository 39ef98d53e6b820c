"""The section of a linear probe: what its charts say and what it warns of."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from earmark.report import files
from earmark.report.charts import COLOURS, SHAPES
from earmark.report.figures import Section
from earmark.systems.embeddings.report.sections import NAMED, REST, label_looks, section


@pytest.fixture
def shown(write_probe: Callable[..., Path], tmp_path: Path) -> Callable[..., Section]:
    def make(*arguments: object, **changed: object) -> Section:
        path = write_probe(tmp_path / "probe.json", *arguments, **changed)
        return section(files.read(path, "probe"), str(path))

    return make


def test_curve_and_map_share_a_section_with_the_numbers_in_words(shown: Callable[..., Section]) -> None:
    made = shown()
    curve, picture = made.figures[0]
    intervals = curve.specification["layer"][1]
    lines = [[cell.text for cell in line] for line in made.tables[0].lines]
    assert intervals["encoding"]["x"]["sort"] == [line[0] for line in lines]
    assert lines[0][:3] == ["encoder.0", "64", "60.0\u00a0% [50.0,\u00a070.0]"]
    assert "the best of the probe" in picture.title
    assert "demo model / synthetic data" in made.banner


def test_remarks_tell_sources_failures_folds_and_the_fallback(shown: Callable[..., Section]) -> None:
    plain = " ".join(note for figure in shown().figures[0] for note in figure.notes)
    assert "intervals over the 40 sources" in plain and "t-SNE" in plain and "hollow" in plain
    odd = shown(sources=1, failed=3, method="PCA", test_share=1)
    text = " ".join(note for figure in odd.figures[0] for note in figure.notes)
    for words in ("stem from 1 source only", "3 failed", "folds", "too few clips for t-SNE"):
        assert words in text
    assert "hollow" not in text, "where all clips are tested there are none"


def test_labels_are_told_apart_as_long_as_there_are_shapes_for_them() -> None:
    names = [f"label{i}" for i in range(NAMED + 5)]
    looks = label_looks([*names, *names[3:]])
    own = [(look.colour, look.shape) for look in looks.values() if look is not REST]
    assert len(set(own)) == len(own) == NAMED <= len(COLOURS) * len(SHAPES)
    assert sum(look is REST for look in looks.values()) == 5
    assert looks["label0"] is REST, "the rarest share the grey one"
    assert re.fullmatch("#[0-9a-f]{6}", REST.colour)
