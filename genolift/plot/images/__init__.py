"""Pictures of images: the scores of their pixels, and figure 4 of the DeepLIFT paper."""
