"""Audit a data set from the indexes of its shards."""

from __future__ import annotations

from earmark import cli
from earmark.errors import UserError


def main() -> None:
    """Audit a data set from the indexes of its shards."""
    raise UserError("being written")


if __name__ == "__main__":
    cli.run(main)
