"""From published archives to tensors of images."""
