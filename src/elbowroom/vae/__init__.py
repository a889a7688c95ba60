"""The variational autoencoder: its networks, its loss, its latent space, and a trained model as one object."""
