"""earmark: audio-model benchmarks as one Snakemake workflow. The library behind the scripts."""

__version__ = "0.1.0"
