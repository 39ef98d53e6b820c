"""Makes this folder's own modules importable."""
