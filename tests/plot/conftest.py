"""What tests of pages share."""

import pytest
from chromium import chromium


@pytest.fixture(scope="module")
def browser():
    """A browser for all tests of a module."""
    with chromium() as one:
        yield one
