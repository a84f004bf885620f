"""Every method that takes long stops when it is asked to."""

import numpy as np
import pytest

from genolift.methods.factory import method
from genolift.methods.registry import listing
from genolift.models.zoo import build
from genolift.support.errors import GenoliftError
from genolift.support.stopping import Abandoned, check_stop, stopping


@pytest.fixture(scope="module")
def network():
    return build("tal_gata", length=60, tasks=2, filters=4, seed=3)


def test_what_is_not_asked_to_stop_goes_on():
    check_stop()
    with stopping(lambda: False):
        check_stop()
    with pytest.raises(Abandoned), stopping(lambda: True):
        check_stop()
    check_stop()


@pytest.mark.parametrize("name", sorted(listing()))
def test_a_method_stops(network, name):
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (2, 60))]
    try:
        made = method(name, network, 0)
        made.traced  # noqa: B018
    except (GenoliftError, AttributeError):
        pytest.skip("it does not take this network")
    if hasattr(made, "fit"):
        made.fit(X)
    with pytest.raises(Abandoned), stopping(lambda: True):
        made(X)
