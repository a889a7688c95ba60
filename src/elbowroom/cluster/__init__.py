"""Run a stage elsewhere: its files go out, its command runs in a sandbox, its results come back."""
