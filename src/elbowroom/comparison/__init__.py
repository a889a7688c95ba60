"""Variants beside each other, beside baselines and beside what was published."""
