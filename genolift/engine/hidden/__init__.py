"""Values inside the network, such as feature maps and attention, and their places in the sequence.

This room imports from every other room of the engine.
"""
