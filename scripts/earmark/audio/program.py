"""The ffmpeg that is run, and what it may open."""

from __future__ import annotations

import contextlib
import os
import shutil

from earmark.core.errors import UserError

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,latm,loas,matroska,mov,"
    "mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,oma,rm,shn,sol,sox,tak,tta,voc,w64,wav,wv,xwma"
)
"""The demuxers that may open a file; each reads one self-contained file."""


def executable() -> str:
    """Return the ffmpeg to run: $EARMARK_FFMPEG, else that on PATH, else the imageio-ffmpeg wheel's.

    Raises:
        UserError: there is none.

    """
    named = os.environ.get("EARMARK_FFMPEG")
    if named:
        found = shutil.which(named)
        if found is None:
            raise UserError(f"EARMARK_FFMPEG: {named} is not a program; give the path of ffmpeg or unset it")
        return found
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise UserError(
            "ffmpeg is needed and not found; install it, `pip install imageio-ffmpeg`, "
            "or set EARMARK_FFMPEG to its path"
        ) from None


def yields(pid: int) -> None:
    """Have a program's threads not push each other off a core whenever one hands something to the next.

    ffmpeg runs a thread for each step, whatever is asked for: decoding takes a quarter less without that.
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # it has ended, or nobody may say so here
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
