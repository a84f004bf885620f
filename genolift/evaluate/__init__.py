"""Judging explanations and asking questions of them.

Three rooms that know nothing of each other: ``truth``, ``discovery`` and ``experiments``. They import from ``methods`` and
the rooms below it.
"""
