"""What a VCF file as a whole looks like beside a genome, and what is said where it does not fit."""

import random

import pytest

from genolift.pipeline.variants.alleles import Survey, alleles_of
from genolift.sequence.genome import Fasta
from genolift.sequence.variants import Windows
from genolift.support.errors import InputError

CHROMOSOME = "".join(random.Random(5).choices("ACGT", k=3000))
PLACES = range(100, 2900, 20)
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))


@pytest.fixture
def windows(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    masked = CHROMOSOME[:1000] + "N" * 1000 + CHROMOSOME[2000:]
    (tmp_path / "g.fa").write_text(f">chr1\n{CHROMOSOME}\n>masked\n{masked}\n")
    return Windows(Fasta(tmp_path / "g.fa"), 40)


@pytest.fixture
def survey(windows, tmp_path):
    def of(rows, on_bad="fail"):
        path = tmp_path / "v.vcf"
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        return Survey.of(path, windows, 0.25, on_bad=on_bad), list(alleles_of(path, windows, on_bad))

    return of


def other(base):
    return {"A": "G", "C": "T", "G": "A", "T": "C"}[base]


def written(kind):
    rng = random.Random(1)
    for pos in PLACES:
        base = CHROMOSOME[pos - 1]
        ref, alt = {
            "exchanged": (other(base), base),
            "from zero": (base, other(base)),
            "other strand": (COMPLEMENT[base], COMPLEMENT[other(base)]),
            "elsewhere": rng.sample("ACGT", 2),
        }[kind]
        yield "chr1", pos - (kind == "from zero"), ".", ref, alt


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("exchanged", "in 100 of them ALT is what the genome has, so that REF and ALT look exchanged"),
        ("from zero", "positions look counted from 0; add 1 to each"),
        ("other strand", "alleles look written on the other strand"),
        ("elsewhere", r"of another assembly \(hg19 for hg38\)"),
    ],
)
def test_what_contradicts_the_genome_throughout_is_called_by_its_name(survey, kind, words):
    with pytest.raises(InputError, match=words) as caught:
        survey(written(kind))
    assert ("another assembly" in str(caught.value)) == (kind == "elsewhere")
    assert "--max-mismatch" in caught.value.for_command_line()


def test_a_masked_genome_is_not_another_assembly(survey):
    rows = [("masked", pos, ".", CHROMOSOME[pos - 1], other(CHROMOSOME[pos - 1])) for pos in PLACES]
    found, alleles = survey(rows)
    assert found.mismatched == 0
    assert found.counts["ref_mismatch"] == sum(1000 < pos <= 2000 for pos in PLACES) == 50
    assert all("hard-masked" in allele.note for allele in alleles if allele.status == "ref_mismatch")


def test_malformed_lines_are_counted_when_asked(survey):
    pos = PLACES[0]
    good = ("chr1", pos, ".", CHROMOSOME[pos - 1], other(CHROMOSOME[pos - 1]))
    found, alleles = survey([good, ("chr1", "x", ".", "A", "C"), good], "skip")
    assert found.counts == {"ok": 2, "malformed_line": 1}
    assert alleles[1].note.startswith("the position is 'x'")
    with pytest.raises(InputError, match=r"line 2: .*and no other line can be read"):
        survey([("chr1", "x", ".", "A", "C")] * 2, "skip")
