"""The study as a notebook, run from top to bottom."""
