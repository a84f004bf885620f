"""What jobs share: where results go, what is read, which model and method, what becomes of bad records.

Imports from the rooms before ``pipeline``, and from no job.
"""
