"""How much latent space, and how much network, does a VAE need?"""
