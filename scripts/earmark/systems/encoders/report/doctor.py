"""What the doctor looks at for encoder scoring: shards that are there, and those that would be fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.doctor.findings import MISSING, NOTE, OK, Finding
from earmark.systems.configuration import Settings
from earmark.systems.encoders import captions, request
from earmark.systems.encoders.plan import plan_of
from earmark.systems.encoders.shard import HOME, home


def checks(settings: Settings) -> Iterator[Finding]:
    """Yield a finding per encoder and suite that config asks for."""
    described = False
    for encoder, suite in request.cells(settings):
        plan = plan_of(settings, suite)
        every = {shard for source in plan.sources for shard in source.shards}
        every |= {shard for each in plan.evaluations.values() for shard in each.shards}
        absent = [shard for shard in every if not Path(shard.path).is_file()]
        code = request.encoder_of(settings, encoder).code
        name = f"encoder {encoder} on {suite}"
        if code and code.endswith(".py") and not Path(code).expanduser().is_file():
            yield Finding(
                "systems", name, MISSING, f"there is no file {code}", "name its path in config/encoders/"
            )
        elif absent:
            fix = f"set {HOME} to a folder that holds them, if there is one"
            yield Finding(
                "systems",
                name,
                NOTE,
                f"{len(absent)} of {len(every)} shards will be fetched to {home()}",
                fix,
            )
        else:
            yield Finding("systems", name, OK, f"{len(every)} shards are there")
        described |= any(each.block.metric in ("FENSE", "DATE") for each in plan.evaluations.values())
    if described and not captions.installed():
        fix = f"pip install {captions.PACKAGE}=={captions.VERSION}"
        yield Finding("systems", "FENSE and DATE", NOTE, f"{captions.PACKAGE} is not installed", fix)
