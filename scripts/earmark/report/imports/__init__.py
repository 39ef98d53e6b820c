"""Results of other programs, laid beside ours and marked as imported.

A module per kind of file turns one file into rows of the summary: units become ours (shares, the share of
tokens *kept*), and where a number means something else than ours, its metric has another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from earmark.errors import UserError
from earmark.files import sha256
from earmark.report.imports import audiomarathon, xares_llm
from earmark.report.request import import_files

KINDS = {"audiomarathon": audiomarathon, "xares_llm": xares_llm}


def rows(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of every file of a block.

    Raises:
        UserError: a file is missing or not of the kind it should be.

    """
    kind = KINDS[block["kind"]]
    for path in import_files(block):
        try:
            made = list(kind.rows(path, block))
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise UserError(
                f"{path} is not a result of {kind.NAME} as far as known ({error!r}); "
                "correct or remove it in config: import"
            ) from None
        origin = {"source": f"imported: {kind.NAME}", "result": str(path), "digest": sha256(path)[:16]}
        for row in made:
            yield {**origin, **row}
