"""A model may be like another: what it does not say holds as it does there."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.config.settings import Settings
from earmark.config.yaml_files import read_yaml
from earmark.core.errors import UserError
from earmark.core.places import CONFIG


@pytest.fixture
def load(tmp_path):
    config = read_yaml(Path(CONFIG) / "config.yaml")
    return lambda **models: Settings.load({**config, "models": models}, tmp_path)


def test_a_model_like_another_differs_in_what_it_says_alone(load):
    models = load(**{"again": {"like": "real-sounds", "compose": {"seed": 1}}}).models
    first, again = (models[name].plain() for name in ("real-sounds", "again"))
    assert again == {**first, "compose": {**first["compose"], "seed": 1}}


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (
            {"again": {"like": "real-soundz"}},
            "model 'again': like: unknown model 'real-soundz'; did you mean",
        ),
        ({"again": {"like": "again"}}, "model 'again': like: unknown model 'again'"),
        ({"a": {"like": "demo"}, "b": {"like": "a"}}, "model 'b': like: 'a' is itself like 'demo'"),
    ],
)
def test_a_model_like_none_or_in_a_chain_is_named(load, models, said):
    with pytest.raises(UserError) as raised:
        load(**models)
    assert str(raised.value).startswith(said)
