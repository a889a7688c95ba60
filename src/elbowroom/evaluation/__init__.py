"""Measure trained models, and draw what they do."""
