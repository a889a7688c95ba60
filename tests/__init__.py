"""Tests: unit/ by package, pipeline/ by real DVC runs of tiny studies, browser/ by a Chromium that draws the pages."""
