"""What a genome browser shows of a bigWig when it is zoomed out is right, also where windows have gaps between them."""

import numpy as np
import pytest
from explained import explained

import genolift as gl


@pytest.mark.parametrize("step", [100, 150, 1000])
def test_summaries_do_not_count_gaps(tmp_path, step):
    library = pytest.importorskip("pyBigWig")
    regions = [("chr1", 7 + step * i, 107 + step * i) for i in range(200)]
    size = 200 * step + 200
    (tmp_path / "sizes").write_text(f"chr1\t{size}\n")
    e = explained(n=200, length=100, regions=regions)
    (path,) = gl.export(e, to="bigwig", chrom_sizes=tmp_path / "sizes", out=tmp_path / "t.bw")
    values = np.zeros(size)
    for (_, start, end), scores in zip(regions, e.scores, strict=True):
        values[start:end] = scores
    with library.open(str(path)) as file:
        assert file.header()["nLevels"] > 0
        assert file.stats("chr1", 0, size, type="coverage")[0] == pytest.approx(20_000 / size, rel=0.01)
        mean = file.stats("chr1", 0, size, type="mean")[0]
        assert mean == pytest.approx(values.sum() / 20_000, abs=0.02 * np.abs(values).mean())
