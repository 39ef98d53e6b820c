#!/usr/bin/env python3
"""Write config/schemas/ and docs/config_keys.md from the models of the configuration (`make schemas`)."""

from __future__ import annotations

from earmark.config.published import files
from earmark.core import cli
from earmark.core.places import ROOT


def main() -> None:
    """Write every generated file."""
    for name, text in files().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)


if __name__ == "__main__":
    cli.run(main)
