"""The model: encoder, decoder, objective, latent space."""
