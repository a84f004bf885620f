"""Metrics of explanations of images: what deleting pixels does to a classifier, and whether scores follow a shift.

The images have ink on a background of zeros, such as handwritten digits.
"""
