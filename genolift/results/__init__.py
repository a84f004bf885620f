"""What an explanation is and where it is kept: the types of results and their Zarr directory. Imports ``support`` alone.

Importing anything from here loads all types, so that a store is read as the type that was written, whoever made it.
"""

import genolift.results.kinds  # noqa: F401
