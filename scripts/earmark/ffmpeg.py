"""ffmpeg, for what libsndfile cannot read."""

from __future__ import annotations

import os
import shutil

from earmark.errors import UserError


def executable() -> str:
    """Return the ffmpeg to run: that of EARMARK_FFMPEG, of the PATH, or of the imageio-ffmpeg wheel.

    Raises:
        UserError: there is none.

    """
    chosen = os.environ.get("EARMARK_FFMPEG") or shutil.which("ffmpeg")
    if chosen:
        return chosen
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise UserError(
            "there is no ffmpeg: install it or the package imageio-ffmpeg, or name it in EARMARK_FFMPEG"
        ) from None
