"""Routers against the base: which tests belong together."""

from __future__ import annotations

from typing import Any

import pytest

from earmark.systems.separation.report.comparisons import differences


def record(router: str, sdri: float | None, si_sdri: float | None = None) -> dict[str, Any]:
    p_values = {"sdri": sdri, "si_sdri": si_sdri}
    return {
        "asked": {"task": "pairs", "model": "small", "seed": 0, "router": router},
        "upper_bound": router == "oracle",
        "to_base": {
            name: {"value": 1.0, "low": 0.5, "high": 1.5, "n": 9, "interval": "paired", "p_value": p_value}
            for name, p_value in p_values.items()
            if p_value is not None
        },
    }


def test_p_values_are_corrected_for_all_routers_and_measures_of_a_set() -> None:
    found = differences({"text": record("text", 0.01, 0.04), "soft": record("soft", 0.02, 0.03)})
    # Holm by hand: 4 * 0.01, 3 * 0.02, 2 * 0.03, then 0.04 which is no less than the one before
    assert found["text"]["sdri"]["p_adjusted"] == pytest.approx(0.04)
    assert found["soft"]["sdri"]["p_adjusted"] == pytest.approx(0.06)
    assert found["soft"]["si_sdri"]["p_adjusted"] == pytest.approx(0.06)
    assert found["text"]["si_sdri"]["p_adjusted"] == pytest.approx(0.06)
    assert {row["comparisons"] for each in found.values() for row in each.values()} == {4}


def test_the_oracle_is_tested_against_nothing_and_makes_no_comparison_more() -> None:
    found = differences({"text": record("text", 0.01), "oracle": record("oracle", 0.001)})
    assert found["text"]["sdri"]["comparisons"] == 1
    assert found["oracle"]["sdri"]["p_value"] is None
    assert found["oracle"]["sdri"]["value"] == 1.0, "what it gains is still said"


def test_another_seed_s_routers_are_another_family() -> None:
    other = record("soft", 0.03)
    other["asked"]["seed"] = 1
    found = differences({"text": record("text", 0.02), "soft": other})
    assert [found[path]["sdri"]["p_adjusted"] for path in ("text", "soft")] == [0.02, 0.03]
