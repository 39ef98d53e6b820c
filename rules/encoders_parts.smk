"""What the rules of encoder scoring are given: names, and digests of what runs."""

import re

from earmark.systems.encoders import plan as suites, request as encoding, trained


def trained_encoder(wildcards):
    """Return the encoder and the suite behind a model that is trained here."""
    return trained.pairs(SETTINGS)[wildcards.scored]


def trained_encoders():
    """Return a pattern of the models that are trained here."""
    return "|".join(map(re.escape, sorted(trained.pairs(SETTINGS), key=len, reverse=True))) or "(?!)"


def encoder_code(script, encoder):
    """Digest what runs an encoder: the script and what makes it."""
    return code_digest(script, encoding.code_of(SETTINGS, encoder))
