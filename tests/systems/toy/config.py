"""The part of the configuration that the toy owns."""

from __future__ import annotations

from earmark.config.section import Section


class Toss(Section):
    """A coin, tossed some times."""

    coin: str
    """its name"""

    times: int
    """how often"""


class Toy(Section):
    """The keys of config that the toy owns."""

    toy: list[Toss] = []
    """tosses to make"""
