"""Methods are found by class: derived, wrapping, with options of any kind, and without importing torch."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.config import methods as found
from earmark.config.method_options import check_options, files
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS

PLUS = '''"""DART with one more pivot."""
from dataclasses import dataclass
from typing import Literal

from earmark.reduction.dart import Dart

Side = Literal["left", "right"]


@dataclass(frozen=True)
class DartPlus(Dart):
    """Derived."""

    window: int | None = None
    side: Side | Literal["both"] = "both"
    weights: tuple[float, ...] = ()
'''
WRAPPER = '''"""Half of what another method keeps."""
from dataclasses import dataclass

from torch import Tensor

from earmark.reduction.contract import Known, Wrapper


@dataclass(frozen=True)
class Mirrored(Wrapper):
    """The inner method's choice."""

    def select(self, known: Known) -> Tensor:
        """Ask the inner method."""
        return self.inner.select(known)
'''


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The library with two more files of methods, as Python and as the configuration see it."""
    for package in ("reduction", "compression"):
        here = SCRIPTS / "earmark" / package
        (tmp_path / "earmark" / package).mkdir(parents=True)
        for path in here.glob("*.py"):
            (tmp_path / "earmark" / package / path.name).write_text(path.read_text())
    more = tmp_path / "earmark" / "reduction"
    (more / "dartplus.py").write_text(PLUS)
    (more / "mirrored.py").write_text(WRAPPER)
    monkeypatch.setattr(found, "SCRIPTS", tmp_path)
    import earmark.reduction

    monkeypatch.setattr(earmark.reduction, "__path__", [str(SCRIPTS / "earmark/reduction"), str(more)])
    caches = (found.methods, found._body, found._classes, found._aliases, found._imported)
    for cache in caches:
        cache.cache_clear()
    yield more
    for cache in caches:
        cache.cache_clear()
    for name in ("dartplus", "mirrored"):
        sys.modules.pop(f"earmark.reduction.{name}", None)


def test_a_method_may_derive_from_another_and_keeps_its_options(library) -> None:
    from earmark.reduction.loader import load

    assert list(found.methods()["dartplus"].options) == [
        "audio_pivots",
        "text_pivots",
        "window",
        "side",
        "weights",
    ]
    made = load("dartplus", {"audio_pivots": 2, "window": 3, "side": "left", "weights": [1, 0.5]})
    assert (made.name, made.audio_pivots, made.window, made.side) == ("dartplus", 2, 3, "left")
    assert made.weights == (1, 0.5) and made.needs_keys
    assert load("dartplus", {"window": None}).side == "both"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": "3"}, "window: '3' must be of type int or null"),
        ({"side": "up"}, "side: 'up' must be 'left' or 'right' or 'both'"),
        ({"weights": [1, "x"]}, "weights: [1, 'x'] must be of type tuple[float, ...]"),
        ({"widow": 3}, "widow: no such option; did you mean 'window'?"),
    ],
)
def test_an_option_of_another_type_is_named(library, options, message) -> None:
    with pytest.raises(UserError) as told:
        check_options("here", found.methods()["dartplus"], options)
    assert str(told.value) == f"here.{message}"


def test_a_method_may_wrap_another_one(library) -> None:
    from earmark.reduction.loader import load

    for inner in ("dart", {"reducer": "dart", "options": {"audio_pivots": 2}}):
        made = load("mirrored", {"inner": inner})
        assert made.inner.name == "dart" and made.needs_keys and made.inner.text_pivots == 4
    assert load("mirrored", {"inner": "fastv"}).lowest_layer == 1
    assert files("mirrored", {"inner": "dart"}) == [
        "earmark/reduction/dart.py",
        "earmark/reduction/mirrored.py",
    ]
    with pytest.raises(UserError, match=r"inner: unknown reducer 'drat'; did you mean 'dart'"):
        load("mirrored", {"inner": "drat"})
    with pytest.raises(UserError, match=r"inner: 'kv-snap' is of another kind; known: affinity, atome"):
        load("mirrored", {"inner": "kv-snap"})
    with pytest.raises(UserError, match=r"inner.options.audio_pivots: 'x' must be of type int"):
        load("mirrored", {"inner": {"reducer": "dart", "options": {"audio_pivots": "x"}}})


def test_a_file_of_two_methods_is_refused(library) -> None:
    (library / "dartplus.py").write_text(PLUS + PLUS.replace("DartPlus", "DartMinus"))
    with pytest.raises(UserError, match="dartplus.py: defines DartPlus and DartMinus; one file defines one"):
        found.methods()


@pytest.mark.parametrize("name", sorted(found.methods()))
def test_what_is_read_of_a_method_is_what_python_makes_of_it(name) -> None:
    method = found.methods()[name]
    cls = getattr(importlib.import_module(method.cls.module), method.cls.name)
    assert list(method.options) == [field.name for field in dataclasses.fields(cls)]
    assert cls().name == name and cls.kind == method.kind


def test_finding_methods_imports_neither_torch_nor_pydantic() -> None:
    code = (
        "import sys; from earmark.config.methods import methods; assert 'dart' in methods(); "
        "print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    ).stdout
    assert told.strip() == "[]"


def test_no_file_of_the_library_shadows_a_package() -> None:
    from importlib.metadata import packages_distributions

    taken = {*sys.stdlib_module_names, *packages_distributions()} - {"earmark"}
    names = {path: path.stem if path.stem != "__init__" else path.parent.name for path in _modules()}
    assert [str(path) for path, name in names.items() if name in taken] == []


def _modules() -> list[Path]:
    return sorted((SCRIPTS / "earmark").rglob("*.py"))
