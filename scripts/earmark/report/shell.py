"""What every page shares: one file without a network, its looks, its charts, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import altair
import jinja2
import vl_convert
from markupsafe import Markup

from earmark.report.page_code import SCRIPTS
from earmark.report.words import percent, seconds

FOLDER = Path(__file__).parent


@cache
def _vega() -> Markup:
    """Return the scripts that draw the charts, all in one, of the version Altair writes for."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", version)
    return Markup(bundle.replace("</script", r"<\/script"))


def render(template: Path, folders: Sequence[Path] = (), **values: Any) -> str:
    """Return a page as HTML; the template extends ``shell.html`` and lies in any folder.

    ``folders`` are those of templates that it includes.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, FOLDER, *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"percent": percent, "seconds": seconds}
    scripts = [Markup((FOLDER / name).read_text()) for name in SCRIPTS]
    return environment.get_template(template.name).render(vega=_vega(), scripts=scripts, **values)
