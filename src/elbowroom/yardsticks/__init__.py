"""What is made once for a dataset, to measure variants by."""
