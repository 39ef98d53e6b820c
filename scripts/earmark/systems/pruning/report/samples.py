"""What the page shows of single samples: two runs side by side, and wrong answers to listen to."""

from __future__ import annotations

from collections.abc import Iterator

from earmark.report.figures import Appendix
from earmark.report.material import Material
from earmark.systems.pruning.report import pairs, wrong


def appendices(material: Material) -> Iterator[Appendix]:
    """Yield both, as far as there is anything to show."""
    yield from pairs.appendices(material)
    yield from wrong.appendices(material)
