"""What a script is given as settings: a file, as the rules write it, or JSON by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.core.errors import UserError


def given(text: str) -> Any:
    """Return the settings of an option's value: JSON, or the path of a JSON file.

    Raises:
        UserError: there is no such file, or it holds no JSON.

    """
    inline = text.lstrip()[:1] in ("{", "[", '"') or text.strip() == "null"
    try:
        return json.loads(text if inline else Path(text).read_text())
    except FileNotFoundError:
        raise UserError(
            f"settings: there is no file {text}; the workflow writes it below .earmark/settings/ "
            "(`snakemake -n` does, too)"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"settings: {text if not inline else 'not JSON'}: {' '.join(str(error).split())}"
        ) from None
