"""Train the seeds of a variant, and go on after an interruption. Read step.py first."""
