"""Variants, stores and places that cannot be used: one line, exit 2, nothing written; or a row that says why."""

import csv
import gzip
import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_files import LENGTH, fasta, random_sequences

CHR1 = "".join(random.Random(3).choices("ACGT", k=400))
CHR2 = CHR1[:50] + "N" * 30 + CHR1[:120]
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def good(pos, ref=None, alt=None, chrom="chr1"):
    ref = ref or CHR1[pos - 1]
    return f"{chrom}\t{pos}\t.\t{ref}\t{alt or other(ref[0])}\t.\t.\t.\n"


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """The least there is to score, and a genome."""
    import keras

    folder = tmp_path_factory.mktemp("light")
    model = keras.Sequential([keras.Input((LENGTH, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.save(folder / "model.keras")
    sequences = fasta(folder / "three.fa", random_sequences(3))
    return SimpleNamespace(
        model=folder / "model.keras", genome=fasta(folder / "genome.fa", {"chr1": CHR1, "chr2": CHR2}), fasta=sequences
    )


@pytest.fixture
def variants(light, genolift, tmp_path):
    """``variants(text, *options)``: what was said, and the rows of the table."""

    def call(text, *options, out="v.tsv"):
        path = tmp_path / "in.vcf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        told = genolift("variants", light.model, path, "--fasta", light.genome, *options, "--out", tmp_path / out)
        path.unlink()
        table = tmp_path / out
        told.rows = list(csv.DictReader(table.open(), delimiter="\t")) if table.is_file() else None
        return told

    return call


def assert_refused(told, folder, *words):
    assert told.code == 2
    line = told.err.splitlines()[-1]
    assert line.startswith("genolift: error: ")
    for word in words:
        assert word in line
    assert not list(folder.iterdir())


BAD_FILES = {
    "empty": (b"", "holds no variants"),
    "header alone": (HEADER.encode(), "holds no variants"),
    "spaces": (
        (HEADER + "chr1 100 . A C\n").encode(),
        "line 3: a VCF line has at least five columns separated by tabs",
    ),
    "few columns": (
        (HEADER + good(100) + "chr1\t100\t.\tA\n").encode(),
        "line 4: a VCF line has at least five columns",
    ),
    "position": ((HEADER + good(100) + "chr1\t1e2\t.\tA\tC\n").encode(), "line 4: the position is '1e2'"),
    "negative": ((HEADER + "chr1\t-1\t.\tA\tC\n").encode(), "line 3: the position is '-1'"),
    "no alternative": ((HEADER + "chr1\t1\t.\tA\t\n").encode(), "line 3: ALT is empty"),
    "binary": (bytes(range(256)) * 4, "binary"),
    "truncated": (gzip.compress((HEADER + good(100) * 3000).encode())[:-40], "truncated"),
    "a FASTA file": (b">a\nACGT\n", "line 1: a VCF line has at least five columns"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_files_that_are_no_vcf(kind, variants, tmp_path):
    content, words = BAD_FILES[kind]
    assert_refused(variants(content), tmp_path, "in.vcf", words)


def test_malformed_lines_are_found_before_anything_is_scored(variants, tmp_path, monkeypatch):
    def never(*arguments):
        raise AssertionError("scored something")

    monkeypatch.setattr("genolift.pipeline.variants.table.VariantTable.rows", never)
    text = HEADER + "".join(good(pos) for pos in range(100, 300)) + "chr1\tx\t.\tA\tC\n"
    assert_refused(variants(text), tmp_path, "line 203")


@pytest.mark.parametrize(
    ("line", "status", "note"),
    [
        (good(100, other(CHR1[99]), CHR1[99]), "ref_mismatch", f"the genome has {CHR1[99]}"),
        (good(100, alt="<DUP:TANDEM>"), "symbolic_allele", "."),
        (good(100, alt="*"), "spanning_deletion", "."),
        (good(100, alt="."), "no_alternative", "."),
        (good(100, alt="]chr2:5]A"), "breakend", "."),
        (good(100, alt="A" * 31), "allele_too_long", "31 bases do not fit into the 30 of the window's right half"),
        (good(100, ref=CHR1[99:130], alt=CHR1[99]), "allele_too_long", "31 bases do not fit"),
        (good(100, alt="Z"), "invalid_alt", "ALT Z is not written"),
        (good(100, chrom="1"), "unknown_chromosome", "it calls it 'chr1'"),
        (good(9), "window_leaves_chromosome", "chr1 has 400 bases, and the window reaches 22 beyond its beginning"),
        (good(390), "window_leaves_chromosome", "chr1 has 400 bases, and the window reaches 19 beyond its end"),
        ("chr1\t999999999999999999999\t.\tA\tC\n", "outside_chromosome", "chr1 has 400 bases"),
        ("chr1\t0\t.\tA\tC\n", "outside_chromosome", "chr1 has 400 bases"),
        (good(100, "R", "A"), "invalid_ref", "REF R is not written"),
        (good(100, alt=CHR1[99].lower()), "same_alleles", "ALT is REF"),
        (f"chr2\t90\t.\t{CHR2[89]}\t{other(CHR2[89])}\n", "too_many_n", "35 % of the window are N"),
    ],
)
def test_records_that_cannot_be_scored_have_a_row_that_says_why(line, status, note, variants):
    told = variants(HEADER + good(150) + line + good(200), "--null", 5, "--max-n", 0.3)
    assert told.code == 0, told.err
    before, bad, after = told.rows
    assert before["status"] == after["status"] == "ok"
    assert bad["status"] == status
    assert note in bad["note"]
    assert bad["n_windows"] == "0"
    assert {bad[name] for name in ("pred_ref", "pred_alt", "delta", "p_value")} == {"NA"}
    assert f"1 of 3 alleles are not scored: 1 {status}" in told.err


def test_a_file_without_anything_to_score_is_a_table_too(variants, tmp_path):
    store = tmp_path / "s.zarr"
    told = variants(HEADER + good(100, alt="<DEL>") + good(110, alt="<DEL>"), "--null", 5, "--explain", store)
    assert told.code == 0, told.err
    assert "s.zarr is not written" in told.out
    assert not store.exists()
    assert [row["status"] for row in told.rows] == ["symbolic_allele"] * 2


def test_chromosomes_by_other_names_throughout(variants, tmp_path):
    told = variants(HEADER + good(100, chrom="1") + good(120, chrom="1"))
    assert_refused(told, tmp_path, "no record lies on a chromosome of the genome", "calls it 'chr1'")


def mismatching(count, start=60, as_alt=True):
    """Records whose REF is not what the genome has; ``as_alt`` says whether ALT is."""
    lines = []
    for pos in range(start, start + count):
        base, further = CHR1[pos - 1], CHR1[pos]
        # Not the next base and not the complement either, which would be causes of their own.
        ref = next(x for x in "ACGT" if x not in (base, further) and {x, base} not in ({"A", "T"}, {"C", "G"}))
        alt = base if as_alt else next(x for x in "ACGT" if x not in (base, ref))
        lines.append(good(pos, ref, alt))
    return "".join(lines)


def test_another_assembly(variants, tmp_path):
    exchanged = HEADER + good(50) + mismatching(7)
    assert_refused(variants(exchanged), tmp_path, "REF of 7 of 8 records contradicts", "look exchanged")
    text = HEADER + good(50) + mismatching(7, as_alt=False)
    told = variants(text)
    assert_refused(
        told, tmp_path, "REF of 7 of 8 records contradicts", "25%", "line 4 has REF", "another assembly (hg19 for hg38)"
    )
    told = variants(text, "--max-mismatch", 0.9)
    assert told.code == 0
    assert [row["status"] for row in told.rows] == ["ok"] + ["ref_mismatch"] * 7


def test_another_assembly_is_noticed_early(variants, tmp_path):
    text = HEADER + mismatching(120) + "rubbish\n"
    assert_refused(variants(text), tmp_path, "REF of 100 of the first 100 records contradicts")


def test_a_few_contradictions_are_no_other_assembly(variants):
    told = variants(HEADER + mismatching(4))
    assert told.code == 0
    assert {row["status"] for row in told.rows} == {"ref_mismatch"}
    told = variants(HEADER + mismatching(6) + "".join(good(pos) for pos in range(100, 130)), out="w.tsv")
    assert told.code == 0
    assert sum(row["status"] == "ref_mismatch" for row in told.rows) == 6


def test_strange_ids_and_chromosomes_stay_text(variants, tmp_path):
    text = HEADER + good(100).replace("\t.\t", "\t../../naïve id\t", 1) + good(100, chrom="../chr1")
    told = variants(text)
    assert [row["id"] for row in told.rows] == ["../../naïve id", "."]
    assert [row["status"] for row in told.rows] == ["ok", "unknown_chromosome"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.tsv", "v.tsv.json"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shifts", "5,a"], "'5,a' is not understood"),
        (["--shifts", "40"], "shift 40 leaves the variant outside its window of 60"),
        (["--null", "0"], "--null"),
        (["--max-mismatch", "2"], "--max-mismatch"),
        (["--target", "7"], "target 7"),
        (["--max-n", "1.5"], "--max-n"),
        (["--method", "gradient-x-input"], "give --explain too"),
        (["--target", "0", "0"], "target '0' is given twice"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "give one of them"),
        (["--memory", "1KB"], "GB"),
        (["--explain", "genolift_no_such_folder/file.txt/s.zarr", "--references", "rubbish"], "rubbish"),
    ],
)
def test_bad_options(options, words, variants, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(variants(HEADER + good(100), *options), tmp_path, words)


def test_missing_files(light, genolift, tmp_path):
    (tmp_path / "v.vcf").write_text(HEADER + good(100))
    for arguments, words in (
        ((light.model, tmp_path / "no.vcf", "--fasta", light.genome), "no.vcf does not exist"),
        ((light.model, tmp_path / "v.vcf", "--fasta", tmp_path / "no.fa"), "no.fa does not exist"),
        ((tmp_path / "no.keras", tmp_path / "v.vcf", "--fasta", light.genome), "no.keras does not exist"),
        ((light.model, tmp_path, "--fasta", light.genome), "is a directory"),
        ((light.model, tmp_path / "v.vcf", "--fasta", tmp_path / "v.vcf"), "not a FASTA file"),
    ):
        told = genolift("variants", *arguments, "--out", tmp_path / "v.tsv")
        assert told.code == 2
        assert words in told.err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["v.vcf"]


# -- stores and places -----------------------------------------------------------------------------------------


@pytest.fixture
def store(light, genolift, tmp_path):
    path = tmp_path / "s.zarr"
    command = ("explain", light.model, light.fasta, "--method", "gradient-x-input", "--out", path)
    assert genolift(*command).code == 0
    return SimpleNamespace(path=path, command=command)


def readers(path, tmp_path):
    yield "plot", path, "--sequence", "s0", "--out", tmp_path / "logo.png"
    yield "report", path, "--out", tmp_path / "r.html"
    yield "export", path, "--to", "tsv", "--out", tmp_path / "t.tsv"
    yield "export", path, "--to", "npz", "--out", tmp_path / "t.npz"
    yield "seqlets", path, "--out", tmp_path / "seqlets.bed"


def test_a_store_of_another_version(store, genolift, tmp_path):
    root = json.loads((store.path / "zarr.json").read_text())
    root["attributes"]["genolift"]["format"] = 99
    (store.path / "zarr.json").write_text(json.dumps(root))
    for command in (*readers(store.path, tmp_path), store.command):
        told = genolift(*command)
        assert told.code == 2
        line = told.err.splitlines()[-1]
        assert (
            "s.zarr is a score store of format 99, and this genolift knows format 2; read it with genolift 0." in line
        )


@pytest.mark.parametrize("damage", ["chunk gone", "chunk cut", "layout gone", "root cut", "array gone"])
def test_a_truncated_store(damage, store, genolift, tmp_path):
    chunk = next(
        file
        for file in (store.path / "raw_contributions").rglob("*")
        if file.parent.name != "raw_contributions" and file.is_file()
    )
    victim = {"layout gone": store.path / "blocks" / "layout.json", "root cut": store.path / "zarr.json"}.get(
        damage, chunk
    )
    if damage == "array gone":
        victim = store.path / "raw_contributions" / "zarr.json"
    if damage.endswith("gone"):
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    for command in readers(store.path, tmp_path):
        told = genolift(*command)
        assert told.code == 2
        (line,) = (line for line in told.err.splitlines() if line.startswith("genolift: "))
        assert "s.zarr" in line
        assert "is damaged: " in line
        assert line.endswith("; copy it again, or score again with --force")
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.zarr"]


def test_an_unfinished_store_is_not_read(store, genolift, tmp_path):
    (store.path / "blocks" / "done" / "0.json").unlink()
    for command in readers(store.path, tmp_path):
        told = genolift(*command)
        assert told.code == 2
        assert "s.zarr is incomplete: 0 of 3 sequences are done; run the same command again" in told.err
    assert genolift(*store.command).code == 0


def test_places_that_nobody_may_write(light, store, genolift, tmp_path):
    """/proc takes no files, whoever asks."""
    proc = Path("/proc")
    if not (proc / "self").is_dir():
        pytest.skip("no /proc here")
    vcf = tmp_path / "v.vcf"
    vcf.write_text(HEADER + good(100))
    explain = ("explain", light.model, light.fasta, "--method", "gradient-x-input")
    variants = ("variants", light.model, vcf, "--fasta", light.genome)
    for command in (
        (*explain, "--out", proc / "s.zarr"),
        (*explain, "--out", tmp_path / "a.zarr", "--report", proc / "r.tsv"),
        (*variants, "--out", proc / "v.tsv"),
        (*variants, "--out", tmp_path / "v.tsv", "--explain", proc / "e.zarr"),
        *readers(store.path, proc),
        ("export", store.path, "--to", "modisco", "--form", "h5", "--out", proc / "m.h5"),
    ):
        told = genolift(*command)
        assert told.code == 2
        assert "cannot be written" in told.err.splitlines()[-1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["s.zarr", "v.vcf"]


STRANGE = ["../../evil", "/etc/passwd", "..", "a/b", "naïve-Ω", "<script>alert(1)</script>", "x" * 300, "a b"]


def test_strange_names_go_nowhere_but_into_the_results(light, genolift, tmp_path):
    """Names of regions and chromosomes, through all that is made of them."""
    inside, stores = tmp_path / "inside" / "deep", tmp_path / "stores"
    for folder in (inside, stores):
        folder.mkdir(parents=True)
    genome = fasta(stores / "genome.fa", {"../chr1": CHR1, "chrΩ": CHR1})
    lines = [
        f"{chrom}\t{100 + i}\t{160 + i}\t{chrom}{name}\n"
        for chrom in ("../chr1", "chrΩ")
        for i, name in enumerate(STRANGE)
    ]
    (stores / "r.bed").write_text("".join(lines))
    store = stores / "s.zarr"
    explain = ("explain", light.model, genome, "--regions", stores / "r.bed", "--method", "gradient-x-input")
    assert genolift(*explain, "--out", store, "--report", inside / "records.tsv").code == 0
    before = {path for path in tmp_path.rglob("*") if inside not in path.parents}
    made = {"tsv": "t.tsv", "npz": "n.npz", "bedgraph": "b.bedgraph", "chrombpnet": "c.h5"}
    for to, name in made.items():
        told = genolift("export", store, "--to", to, "--out", inside / name)
        assert told.code == 0, told.err
    for command in (
        ("seqlets", store, "--out", inside / "seqlets.bed"),
        ("report", store, "--out", inside / "r.html"),
        ("plot", store, "--sequence", f"../chr1{STRANGE[0]}", "--out", inside / "logo.svg"),
    ):
        told = genolift(*command)
        assert told.code == 0, told.err
    assert {path for path in tmp_path.rglob("*") if inside not in path.parents} == before
    names = {path.name for path in inside.iterdir()}
    assert names == {*made.values(), "c.interpreted_regions.bed", "records.tsv", "seqlets.bed", "r.html", "logo.svg"}
    assert "<script>alert" not in (inside / "r.html").read_text()
    beds = (inside / "c.interpreted_regions.bed").read_text() + (inside / "b.bedgraph").read_text()
    assert {line.split("\t")[0] for line in beds.splitlines()} == {"../chr1", "chrΩ"}


def test_what_is_read_is_never_written_over(light, genolift, tmp_path):
    vcf, sequences = tmp_path / "v.vcf", tmp_path / "x.fa"
    vcf.write_text(HEADER + good(100))
    sequences.write_bytes(light.fasta.read_bytes())
    (tmp_path / "link.tsv").symlink_to(sequences)
    (tmp_path / "notes.tsv").write_text("mine\n")
    (tmp_path / "genome.json").write_bytes(light.genome.read_bytes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    explain = ("explain", light.model, sequences, "--method", "gradient-x-input", "--out", tmp_path / "s.zarr")
    variants = ("variants", light.model, vcf, "--fasta", tmp_path / "genome.json", "--out")
    for command, words in (
        ((*explain, "--report", sequences, "--force"), "is read by this job"),
        ((*explain, "--report", tmp_path / "link.tsv"), "is read by this job"),
        ((*explain, "--report", tmp_path / "notes.tsv"), "no report of genolift's"),
        ((*variants, vcf, "--force"), "v.vcf is read by this job"),
        ((*variants, tmp_path / "genome", "--force"), "genome.json is read by this job"),
    ):
        told = genolift(*command)
        assert told.code == 2
        assert words in told.err.splitlines()[-1]
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    for _ in range(2):  # a report of our own gives way
        assert genolift(*explain, "--report", tmp_path / "r.tsv").code == 0
    assert genolift(*explain, "--report", tmp_path / "notes.tsv", "--force").code == 0


def test_inputs_in_a_folder_that_is_not_ours_need_no_room_for_an_index(light, genolift, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    genome = fasta(folder / "genome.fa", {"chr1": CHR1})
    (folder / "r.bed").write_text("chr1\t100\t160\n")
    folder.chmod(0o500)
    before = sorted(folder.iterdir())
    try:
        command = ("explain", light.model, genome, "--regions", folder / "r.bed", "--method", "gradient-x-input")
        assert genolift(*command, "--out", tmp_path / "s.zarr").code == 0
    finally:
        folder.chmod(0o700)
    assert sorted(folder.iterdir()) == before
