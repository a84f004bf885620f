"""The methods of influence by name, each with the module of its class, which is imported when it is made."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from genolift.support.errors import InputError

if TYPE_CHECKING:
    from genolift.influence.method import InfluenceMethod

#: What each method is, in the order in which they are listed.
METHODS = {
    "gauss-newton": "the Gauss-Newton matrix of all weights, inverted by conjugate gradients",
    "ek-fac": "eigenvalue-corrected Kronecker factors of dense and convolutional layers",
    "last-layer": "the exact Hessian of the last layer",
    "tracin": "gradients followed over the checkpoints of training",
    "representer": "a logit as a sum over training sequences, after the last layer is trained again",
    "neighbours": "the nearest neighbours in the last hidden layer: the baseline",
}
#: The one whose influences predicted other networks best in benchmarks/influence.py.
DEFAULT = "gauss-newton"


def method_class(name: str) -> type[InfluenceMethod]:
    """Return the class of a method; raise :class:`InputError` if there is no such method."""
    if name == "last-layer":
        from genolift.influence.estimators.last_layer import LastLayer

        return LastLayer
    if name == "neighbours":
        from genolift.influence.estimators.neighbours import Neighbours

        return Neighbours
    if name == "representer":
        from genolift.influence.estimators.representer import Representer

        return Representer
    if name == "tracin":
        from genolift.influence.estimators.tracin import TracIn

        return TracIn
    if name == "gauss-newton":
        from genolift.influence.estimators.gauss_newton import GaussNewton

        return GaussNewton
    if name == "ek-fac":
        from genolift.influence.estimators.ekfac import EkFac

        return EkFac
    raise InputError(f"there is no method of influence {name!r}; there are {', '.join(METHODS)}")


def check_options(name: str, options: dict) -> None:
    """Raise :class:`InputError` for an option that the method does not have."""
    known = [key for key in inspect.signature(method_class(name)).parameters if key != "at"]
    for option in options:
        if option not in known:
            told = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"the method {name} has no option {option!r}; {told}")
