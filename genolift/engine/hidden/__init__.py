"""Values inside the network placed on the sequence: feature maps, attention, representations.

Imports from every other room of the engine.
"""
