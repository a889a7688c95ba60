"""Draw pictures: mosaics of images, curves, latent maps, and the sheets of the page's explorer."""
