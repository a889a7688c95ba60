"""Train the seeds of a variant, resumably."""
