"""What is made once for each dataset, to measure all of its variants by: baselines and the judge."""
