"""What is generated from the models is what lies in the repository; every YAML of config/ follows it."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from jsonschema.validators import validator_for

from earmark.config import whole
from earmark.config.published import described, files, models
from earmark.config.schema import SYSTEMS, check_fits, schema
from earmark.core.places import CONFIG, ROOT


def test_generated_files_are_those_of_the_repository() -> None:
    stale = [name for name, text in files().items() if (ROOT / name).read_text() != text]
    assert stale == [], "run `make schemas`"


@pytest.mark.parametrize("kind", ["sources", "teachers"])
def test_no_schema_outlives_its_model(kind: str) -> None:
    there = {f"{kind}/{path.name.partition('.')[0]}" for path in (CONFIG / "schemas" / kind).iterdir()}
    assert there == {name for name in models() if name.startswith(f"{kind}/")}


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{name}.{field}"
        for name, model in models().items()
        for field in model.model_fields
        if field != "kind" and field not in described(model)
    ]
    assert silent == []


def test_schemas_accept_what_the_models_accept() -> None:
    """As an editor reads them: jsonschema on the published files and on the YAML as it is written."""
    schemas = {
        name: json.loads((CONFIG / "schemas" / f"{name}.schema.json").read_text()) for name in models()
    }
    refused = []

    def check(content: object, name: str) -> None:
        found = jsonschema.Draft202012Validator(schemas[name]).iter_errors(content)
        refused.extend(f"{name}: {error.message}" for error in found)

    check(yaml.safe_load((CONFIG / "config.yaml").read_text()), "config")
    for kind in whole.entries():
        for path in (CONFIG / kind.section).glob("*.yaml"):
            content = yaml.safe_load(path.read_text())
            check(content, kind.name)
            if kind.section == "tasks":
                source = content["data"]["source"]
                check(source, f"sources/{source['kind']}")
    assert refused == []


RESULTS = sorted(
    path.name.removesuffix(".schema.json")
    for path in (*(CONFIG / "schemas").glob("*.schema.json"), *SYSTEMS.glob("*/*.schema.json"))
)


@pytest.mark.parametrize("name", RESULTS)
def test_a_schema_is_one_by_json_schemas_own(name: str) -> None:
    """Jobs do not look again."""
    found = schema(name)
    validator_for(found).check_schema(found)


def test_what_does_not_fit_a_schema_is_refused_as_jsonschema_words_it() -> None:
    with pytest.raises(jsonschema.ValidationError) as ours:
        check_fits({"schema": "earmark/answers/1"}, "answers")
    with pytest.raises(jsonschema.ValidationError) as theirs:
        jsonschema.validate({"schema": "earmark/answers/1"}, schema("answers"))
    assert ours.value.message == theirs.value.message
