"""Generative networks of DNA: an autoregressive density, and a variational autoencoder whose decoder is a generator.

``autoregressive`` and ``vae`` are the networks and what they are trained for, ``fitting`` trains them, and ``files``
reads them. They are made of Keras' own layers, so that their files hold no code.
"""
