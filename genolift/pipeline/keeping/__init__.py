"""Results that are kept: where they go, what tells one from another, and how one that was interrupted is continued.

Imports from the rooms below ``pipeline``, and from no job.
"""
