import gzip

import numpy as np
import pytest

from genolift.simulate.dataset import Embedding
from genolift.simulate.drawing.generate import simulate
from genolift.simulate.reading import load_dataset
from genolift.simulate.scenes import Scenes
from genolift.simulate.simdata import read_simdata, write_simdata
from genolift.simulate.spec import load_spec, parse_spec
from genolift.support.errors import FileProblem, GenoliftError, InputError


@pytest.fixture(scope="module")
def small():
    return simulate("tal_gata", n=60)


def same(a, b):
    assert (a.names, a.sequences, a.tasks, a.embeddings) == (b.names, b.sequences, b.tasks, b.embeddings)
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.splits, b.splits)


def test_a_saved_directory_loads_as_it_was(small, tmp_path):
    small.save(tmp_path / "data")
    loaded = load_dataset(tmp_path / "data", spec="tal_gata")
    same(small, loaded)
    np.testing.assert_array_equal(loaded.background, small.background)
    assert list(loaded.motifs) == list(small.motifs)
    assert load_dataset(tmp_path / "data").background is None


def test_the_saved_files_are_what_they_are_said_to_be(small, tmp_path):
    small.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dataset.tsv", "embeddings.bed", "sequences.fa"]
    assert (tmp_path / "dataset.tsv").read_text().startswith("name\tboth\tGATA\tTAL1\tsplit\n")
    header, first = (tmp_path / "embeddings.bed").read_text().split("\n")[:2]
    assert header.split("\t")[-3:] == ["importance:both", "importance:GATA", "importance:TAL1"]
    chrom, start, end, motif, _, strand, string = first.split("\t")[:7]
    sequence = small.sequences[small.names.index(chrom)]
    assert sequence[int(start) : int(end)] == string
    assert motif in small.motifs
    assert strand == "+"


def test_subsets_carry_their_own_truth(small):
    rows = [7, 3, 50]
    part = small.subset(rows)
    assert part.names == [small.names[i] for i in rows]
    for embedding in part.embeddings:
        assert part.sequences[embedding.sequence_index][embedding.start : embedding.end] == embedding.string
    for motif, counts in part.counts().items():
        np.testing.assert_array_equal(counts, small.counts()[motif][rows])
    same(small.subset(small.splits == "test"), small.subset("test"))
    assert sum(len(small.subset(split)) for split in ("train", "valid", "test")) == 60
    assert part.one_hot().shape == (3, 200, 4)
    with pytest.raises(InputError, match="not a split"):
        small.subset("training")


@pytest.mark.parametrize("suffix", ["simdata", "simdata.gz"])
def test_simdata_round_trip(tmp_path, suffix):
    spec = {
        "name": "t",
        "length": 30,
        "background": [0.25] * 4,
        "motifs": {"odd-name_1": {"matrix": [[0.7, 0.1, 0.1, 0.1]] * 4}},
        "groups": [
            {"name": "g", "sequences": 30, "embed": [{"motif": "odd-name_1", "count": 2, "strand": "both"}]},
            {"name": "h", "sequences": 5},
        ],
        "labels": {"has": "'odd-name_1' > 0"},
    }
    dataset = simulate(parse_spec(spec))
    path = tmp_path / f"data.{suffix}"
    write_simdata(path, dataset)
    same(dataset, load_dataset(path))
    assert {e.strand for e in dataset.embeddings} == {"+", "-"}
    again = tmp_path / f"again.{suffix}"
    write_simdata(again, load_dataset(path))
    assert again.read_bytes() == path.read_bytes()


HEADER = "seqName\tsequence\tembeddings\tt\n"


def test_pair_descriptions_are_no_motifs(tmp_path):
    path = tmp_path / "pair.simdata"
    path.write_text(
        HEADER + "s\tAACGTTTGGA\tpos-1_A-ACG,pos-6_revComp-B_x-TGG,pos-1_A-ACG-Gap2-B_x-TGG\t1\nr\tacgt\t\t0\n"
    )
    dataset = read_simdata(path)
    assert dataset.embeddings == [Embedding(0, "A", 1, 4, "+", "ACG"), Embedding(0, "B_x", 6, 9, "-", "TGG")]
    assert dataset.sequences[1] == "ACGT"
    write_simdata(path, dataset)
    assert path.read_text() == HEADER + "s\tAACGTTTGGA\tpos-1_A-ACG,pos-6_revComp-B_x-TGG\t1\nr\tACGT\t\t0\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line must be"),
        ("name\tseq\n", "first line must be"),
        (HEADER, "holds no sequences"),
        (HEADER + "s\tACGT\t\n", "line 2: the line has 3 columns"),
        (HEADER + "s\tACGT\t\t2\n", "line 2: label '2'"),
        (HEADER + "s\tACGT\t\t1\ns\tACGT\t\t1\n", "line 3: two sequences are named 's'"),
        (HEADER + "s\tACGE\t\t1\n", "line 2: 'E' at position 4"),
        (HEADER + "s\tACGT\tpos-1_A-GG\t1\n", "line 2: .*not what the sequence holds at 1-3"),
        (HEADER + "s\tACGT\tA-CG\t1\n", "line 2: .*not of the form"),
    ],
)
def test_bad_simdata_names_file_and_line(tmp_path, text, words):
    path = tmp_path / "bad.simdata"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_simdata(path)
    assert "bad.simdata" in str(caught.value)


def test_what_is_no_data_set(small, tmp_path):
    with pytest.raises(FileProblem, match="does not exist"):
        load_dataset(tmp_path / "no")
    with pytest.raises(FileProblem, match=r"has no sequences\.fa"):
        load_dataset(tmp_path)
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(InputError, match="neither"):
        load_dataset(tmp_path / "x.txt")
    with pytest.raises(FileProblem, match="cannot be made a directory"):
        small.save(tmp_path / "x.txt")
    (tmp_path / "cut.simdata.gz").write_bytes(gzip.compress(HEADER.encode() * 50)[:30])
    with pytest.raises(FileProblem, match="truncated"):
        load_dataset(tmp_path / "cut.simdata.gz")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("dataset.tsv", "name\t", "id\t", "first line"),
        ("dataset.tsv", "\ttrain\n", "\ttraining\n", "split 'training'"),
        ("dataset.tsv", "\ttrain\n", "\n", "columns"),
        ("dataset.tsv", "\nneither_", "\nnone_", "order"),
        ("embeddings.bed", "\t+\t", "\t+\tA", "not what the sequence holds"),
        ("embeddings.bed", "gata_only_", "gata_", "name of a sequence"),
    ],
)
def test_a_damaged_directory_is_noticed(small, tmp_path, file, old, new, words):
    small.save(tmp_path)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    with pytest.raises(GenoliftError, match=words):
        load_dataset(tmp_path)


def test_splits_of_a_simdata_file(small, tmp_path):
    path = tmp_path / "data.simdata"
    write_simdata(path, small)
    assert set(load_dataset(path).splits) == {"train"}
    from_spec = load_dataset(path, spec="tal_gata").splits.tolist()
    assert (from_spec.count("test"), from_spec.count("valid")) == (6, 6)
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(small.names[10:30]) + "\n")
    for test_ids in (ids, small.names[10:30]):
        loaded = load_dataset(path, spec=load_spec("tal_gata"), test_ids=test_ids)
        assert (loaded.splits[10:30] == "test").all()
        assert (loaded.splits == "test").sum() == 20
        assert (loaded.splits == "valid").sum() == 6
    with pytest.raises(InputError, match=r"1 test ids .* 'nobody'"):
        load_dataset(path, test_ids=["nobody"])


def test_the_papers_own_file(paper_data, tmp_path):
    source = paper_data / "sequences.simdata.gz"
    dataset = load_dataset(source, spec="tal_gata", test_ids=paper_data / "test_ids.txt.gz")
    assert len(dataset) == 8000
    assert dataset.tasks == ["task1", "task2", "task3"]
    assert (dataset.splits == "test").sum() == 800
    spec, counts = load_spec("tal_gata"), dataset.counts()
    scenes = Scenes.of_counts(counts)
    expected = np.stack([outcome.expression(scenes)[:, 0] for outcome in spec.outcomes], axis=1)
    np.testing.assert_array_equal(dataset.labels, expected)
    copy = tmp_path / "copy.simdata"
    write_simdata(copy, dataset)
    with gzip.open(source, "rt") as handle:  # the original has no newline at its end
        assert copy.read_text().rstrip("\n") == handle.read().rstrip("\n")
    one = [np.bincount(counts["GATA_disc1"][rows])[1:].tolist() for rows in (
        (dataset.labels[:, 1] == 1) & (dataset.labels[:, 0] == 0), dataset.labels[:, 0] == 1)]  # fmt: skip
    assert one == [[742, 774, 484], [1205, 585, 210]]
