"""Derive a shard at another rate."""

from __future__ import annotations

from earmark import cli
from earmark.errors import UserError


def main() -> None:
    """Derive a shard at another rate."""
    raise UserError("being written")


if __name__ == "__main__":
    cli.run(main)
