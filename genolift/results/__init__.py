"""What an explanation is and where it is kept: the types of results and the Zarr directory that stores them.

This room imports from ``sequence`` and ``support``. Importing anything from it loads all types of results, so that a
store is read as the type that was written, whichever method made it.
"""

import genolift.results.kinds  # noqa: F401 (the import registers the types)
