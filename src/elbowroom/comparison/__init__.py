"""Compare variants with each other, with baselines and with published results."""
