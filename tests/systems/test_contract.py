"""What holds for every system: its descriptor is light, complete and agrees with what it names."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import yaml

from earmark.config.schema import schema
from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.places import ROOT, SCRIPTS
from earmark.report import page_code
from earmark.report.columns import settings as columns
from earmark.systems.contract import Behind, Column, Lazy, System
from earmark.systems.registry import reserved, systems

SYSTEMS = pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
HEAVY = {"torch", "transformers", "pandas", "pyarrow", "altair", "scipy", "sklearn", "snakemake"}


def lazy(system: System) -> list[Lazy]:
    fields = [system.compare, system.point, system.sections, system.appendices, system.checks]
    fields += [part for kind in system.types for part in (kind.rows, kind.about)]
    return [part for part in fields if part is not None]


def test_descriptors_import_nothing_that_computes():
    code = "from earmark.systems.registry import systems; systems(); import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert HEAVY & imported == set()


@SYSTEMS
def test_what_is_imported_later_is_there(system):
    for part in lazy(system):
        module, _, name = part.place.partition(":")
        assert callable(getattr(import_module(module), name)), part.place
        assert (SCRIPTS / part.file).is_file()
    for path in system.templates:
        assert (SCRIPTS / path).is_file()


@SYSTEMS
def test_every_type_has_a_schema_with_a_name_and_what_varies_is_in_it(system):
    for kind in system.types:
        properties = schema(kind.schema)["properties"]
        assert properties["schema"]["const"].startswith("earmark/")
        assert {place.partition(".")[0] for place in kind.varies} <= set(properties)


@SYSTEMS
def test_the_results_it_asks_for_are_where_its_types_say(system):
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    config["embeddings"] = [{"tasks": ["gtzan"], "layers": ["encoder"], "pooling": "mean"}]
    config["separation"] = yaml.safe_load((ROOT / "config" / "separation.yaml").read_text())["separation"]
    config["scoring"] = {"grid": [{"encoders": ["whisper-base"], "suites": ["esc-50"]}]}
    settings = Settings.load(config, ROOT)
    asked = system.results(settings)
    assert asked
    for path in asked:
        assert system.made(path), path
        assert not any(other.made(path) for other in systems() if other is not system), path
        check_target(path, settings)


@SYSTEMS
def test_its_rules_file_and_its_folder_are_called_like_it(system):
    assert (ROOT / "rules" / f"{system.name}.smk").is_file()
    assert system.name in reserved()


def test_a_column_has_one_owner(monkeypatch):
    twice = Column("method", "str", "something else")
    other = System(
        "other",
        "Other",
        (),
        lambda settings: [],
        lambda path, settings: None,
        lambda path, settings: Behind(),
        columns=(twice,),
    )
    monkeypatch.setattr("earmark.report.columns.systems", lambda: (*systems(), other))
    with pytest.raises(ValueError, match="two columns of the summary are called 'method'"):
        columns()


def test_the_summary_and_the_page_digest_what_systems_bring():
    for system in systems():
        assert {kind.rows.file for kind in system.types} <= set(page_code.summary())
        assert system.sections is not None and system.sections.file in page_code.page()
