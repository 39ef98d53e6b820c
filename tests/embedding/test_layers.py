"""Layer names are read strictly, and a plan holds no more than the highest of them needs."""

import pytest

from earmark.core.errors import UserError
from earmark.models.sizes import Depth
from earmark.systems.embeddings import layers
from earmark.systems.embeddings.layers import Plan, parse

DEPTH = Depth(encoder=32, lm=28, encoder_width=1280, lm_width=3584)


@pytest.mark.parametrize("name", ["encoder", "encoder.0", "encoder.31", "projector", "lm.0", "lm.28"])
def test_a_name_is_read_and_written_the_same(name):
    assert parse(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("encodr", "unknown layer 'encodr'; did you mean 'encoder'"),
        ("lm", "layer 'lm' needs a number"),
        ("lm.", "is no layer number"),
        ("lm.-1", "is no layer number"),
        ("lm.01", "is no layer number"),
        ("encoder.last", "is no layer number"),
        ("projector.1", "unknown layer 'projector.1'; did you mean 'projector'"),
    ],
)
def test_a_wrong_name_says_what_is_meant(name, message):
    with pytest.raises(UserError, match=message):
        parse(name)


def test_a_layer_beyond_the_model_names_the_last():
    with pytest.raises(UserError, match=r"has 28 layers there; did you mean 'lm\.28'"):
        layers.check([parse("lm.29")], DEPTH, "m")
    layers.check([parse("lm.28"), parse("encoder.32")], DEPTH, "m")


@pytest.mark.parametrize(
    ("names", "encoder_layers", "lm_layers", "project"),
    [
        (["encoder.3"], 3, None, False),
        (["encoder.0"], 0, None, False),
        (["encoder.3", "encoder"], 32, None, False),
        (["projector"], 32, None, True),
        (["lm.0"], 32, 0, True),
        (["encoder.5", "lm.7"], 32, 7, True),
        (["lm.28"], 32, 28, True),
    ],
)
def test_a_plan_stops_at_the_highest_layer(names, encoder_layers, lm_layers, project):
    plan = Plan.of([parse(name) for name in names], DEPTH)
    assert (plan.encoder_layers, plan.lm_layers, plan.project) == (encoder_layers, lm_layers, project)


def test_the_norm_a_layer_has_passed_is_known():
    names = ["encoder.32", "encoder", "projector", "lm.27", "lm.28"]
    plan = Plan.of([parse(name) for name in names], DEPTH)
    assert [plan.norm(parse(n), DEPTH) for n in names] == ["none", "encoder", "encoder", "none", "lm"]
