"""A profile as a configuration says it: what each instance of a motif adds to the reads around it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from genolift.simulate.parts import Strict


class Term(Strict):
    """What every instance of the motif ``at`` adds: its ``weight`` times a shape around its centre.

    The weight is a number or an expression of all instances of the sequence. With ``graded``, it is multiplied by the
    instance's own match, the share of the highest log-odds, which counts as 0 where it is negative.

    A ``"gaussian"`` lies ``offset`` bases downstream of the centre, as the instance's strand sees it. A ``"footprint"``
    has two sides, ``width`` bases apart, of which the upstream one gets the share ``upstream``. The standard deviation
    of each peak is ``spread``.
    """

    at: str
    weight: float | str = 1.0
    graded: bool = False
    shape: Literal["gaussian", "footprint"] = "gaussian"
    spread: float = Field(gt=0, le=1e6)
    offset: float | None = Field(default=None, ge=-1e6, le=1e6)
    width: float | None = Field(default=None, gt=0, le=1e6)
    upstream: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> Term:
        if self.shape == "gaussian" and (self.width is not None or self.upstream is not None):
            raise ValueError("'width' and 'upstream' belong to a footprint; a gaussian has 'spread' and 'offset'")
        if self.shape == "footprint" and self.width is None:
            raise ValueError("a footprint needs 'width', the number of bases between its two sides")
        if self.shape == "footprint" and self.offset is not None:
            raise ValueError("'offset' belongs to a gaussian; a footprint has 'width', 'upstream' and 'spread'")
        return self

    @property
    def peaks(self) -> list[tuple[float, float]]:
        """The share of each peak, and how many bases downstream of the centre it lies."""
        if self.shape == "gaussian":
            return [(1.0, self.offset or 0.0)]
        assert self.width is not None
        share = 0.5 if self.upstream is None else self.upstream
        return [(share, -self.width / 2), (1 - share, self.width / 2)]


class Profile(Strict):
    """Reads at each of the ``positions`` in the middle of a sequence; all of its positions without that.

    ``base`` reads are expected at each position of a sequence without instances, and ``total`` reads are added for an
    instance of weight 1. The reads are drawn as ``sampling`` says: by a Poisson distribution at each position, or as a
    multinomial of as many reads as are expected in all.
    """

    profile: list[Term] = Field(min_length=1)
    base: float = Field(gt=0, le=1e6)
    total: float = Field(gt=0, le=1e9)
    positions: int | None = Field(default=None, ge=2)
    sampling: Literal["poisson", "multinomial"] = "poisson"
