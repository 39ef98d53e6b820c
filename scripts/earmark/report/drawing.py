"""A Vega-Lite specification as a picture: SVG, PNG or PDF."""

from __future__ import annotations

import re

import vl_convert

from earmark.core.files import Json

SCALE = 2.0  # of the PNG


def drawn(specification: Json, form: str) -> bytes:
    """Return a specification as ``svg``, ``png`` or ``pdf``, drawn by the Vega-Lite it names.

    Raises:
        ValueError: it names no version.

    """
    version = re.search(r"/v(\d+\.\d+)[.\d]*\.json$", str(specification.get("$schema")))
    if version is None:
        raise ValueError(f"a chart without its Vega-Lite version: {specification.get('$schema')}")
    if form == "svg":
        return vl_convert.vegalite_to_svg(dict(specification), version[1]).encode()
    if form == "png":
        return bytes(vl_convert.vegalite_to_png(dict(specification), version[1], scale=SCALE))
    return bytes(vl_convert.vegalite_to_pdf(dict(specification), version[1]))
