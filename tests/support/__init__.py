"""Helpers that several test files share, split so that a test of settings loads neither torch nor a browser."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
