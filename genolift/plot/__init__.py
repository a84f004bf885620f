"""Pictures of results: logos, maps, heat maps, the paper's figures 5 and 6, and the HTML report.

``drawers`` tells :mod:`genolift.support.drawings` what is drawn by which function here. Imports from every room but
``pipeline`` and ``cli``.
"""
