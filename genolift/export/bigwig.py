"""A track for genome browsers: the score of every base, which is the projected score summed over the bases."""

from contextlib import closing
from pathlib import Path

from genolift.export.genome import tracks
from genolift.export.sizes import chromosome_sizes
from genolift.export.source import Scores
from genolift.support.errors import InputError

OPTIONS = ("chrom_sizes",)


def files(out: Path, options) -> list[Path]:
    return [out]


def write(explanation, paths: list[Path], options) -> None:
    library = _library()
    scores = Scores(explanation, options.target, options.input, options.progress)
    scores.located("a bigWig")
    sizes = chromosome_sizes(explanation, options.chrom_sizes)
    if sizes is None:
        raise InputError(
            "a bigWig needs the lengths of the chromosomes: give --chrom-sizes, or the genome's FASTA file"
        )
    try:
        with closing(library.open(str(paths[0]), "w")) as file:
            file.addHeader(list(sizes.items()))
            for chrom, start, values in tracks(scores, sizes, paths[0].parent, "a bigWig"):
                file.addEntries(chrom, start, values=values, span=1, step=1)
    except RuntimeError as problem:  # the library's word for a write that failed
        raise OSError(str(problem)) from None


def _library():
    try:
        import pyBigWig
    except ImportError:
        raise InputError("writing bigWig files needs another package: pip install 'genolift[bigwig]'") from None
    return pyBigWig
