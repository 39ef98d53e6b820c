"""Fetch one shard's items: from the wanted list to the manifest of what was fetched."""

from __future__ import annotations

from earmark import cli
from earmark.errors import UserError


def main() -> None:
    """Fetch one shard's items: from the wanted list to the manifest of what was fetched."""
    raise UserError("being written")


if __name__ == "__main__":
    cli.run(main)
