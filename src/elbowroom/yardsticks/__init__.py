"""Make once for each dataset what its variants are measured by: baselines and the judge."""
