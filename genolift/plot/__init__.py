"""Pictures of results: logos, maps, heat maps, the paper's figures 5 and 6, and the HTML report.

``drawers`` lists which function draws which result, for :mod:`genolift.support.drawings`. This room may import from
every room except ``pipeline`` and ``cli``.
"""
