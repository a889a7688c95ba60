"""What tests share, by how much it imports: a test of settings loads no torch and no browser."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
