"""The study as a notebook."""
