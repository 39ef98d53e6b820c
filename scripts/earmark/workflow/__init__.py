"""What the rules need of Python beyond settings: files of what jobs read, targets, and Snakemake's words."""
