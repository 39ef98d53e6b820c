"""A system that tosses coins: one result type, one metric, one plot."""

from __future__ import annotations

import re

from earmark.core.errors import UserError, nearest
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind, Column, Lazy, ResultType, System
from earmark.systems.toy.config import Toy

PATTERN = r"results/toy/([a-z]+)_([0-9]+)\.json"


def results(settings: Settings) -> list[str]:
    """Return the tosses that config lists."""
    return [f"results/toy/{toss.coin}_{toss.times}.json" for toss in settings.of(Toy).toy]


def check_target(path: str, settings: Settings) -> None:
    """Check that config has the coin; raises UserError."""
    found = re.fullmatch(PATTERN, path)
    coins = {toss.coin for toss in settings.of(Toy).toy}
    if found and found[1] not in coins:
        raise UserError(f"unknown coin '{found[1]}'; {nearest(found[1], coins)}")


def behind(path: str, settings: Settings) -> Behind:
    """Return the toss that a result is of."""
    found = re.fullmatch(PATTERN, path)
    tosses = settings.of(Toy).toy
    return Behind(
        config={"toy": [t.plain() for t in tosses if found and (t.coin, str(t.times)) == found.groups()]}
    )


SYSTEM = System(
    name="toy",
    title="Coins",
    types=(
        ResultType(
            "toss",
            schema="toss",
            pattern=PATTERN,
            rows=Lazy("earmark.systems.toy.report:rows"),
        ),
    ),
    results=results,
    check_target=check_target,
    behind=behind,
    config=Toy,
    columns=(
        Column("coin", "str", "the coin", heading="coin"),
        Column("times", "Int64", "how often it was tossed", heading="times"),
    ),
    sections=Lazy("earmark.systems.toy.report:sections"),
    checks=Lazy("earmark.systems.toy.report:checks"),
)
