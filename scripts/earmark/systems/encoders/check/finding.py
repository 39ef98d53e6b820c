"""What a check says of an encoder: one finding a thing, with the cure where something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "wrong"]
MARKS = {"ok": "  ok ", "note": " note", "wrong": "WRONG"}


@dataclass(frozen=True)
class Finding:
    """A thing that was looked at: fine, worth knowing, or against the contract."""

    name: str
    verdict: Verdict
    found: str
    cure: str = ""


def page(encoder: str, findings: Sequence[Finding]) -> str:
    """Return the findings as plain text."""
    wrong = sum(each.verdict == "wrong" for each in findings)
    said = "can be scored" if not wrong else f"cannot be scored yet: {wrong} of its findings are wrong"
    lines = [f"Encoder '{encoder}' {said}.", ""]
    for each in findings:
        lines.append(f"{MARKS[each.verdict]}  {each.name}: {each.found}")
        if each.cure:
            lines.append(f"         -> {each.cure}")
    return "\n".join(lines) + "\n"
