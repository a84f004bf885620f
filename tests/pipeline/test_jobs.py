"""Drawing a data set and training, as jobs that know what they did."""

import json
import shutil

import pytest

from genolift.pipeline.benchmark.simulation import draw_dataset
from genolift.pipeline.benchmark.training import Training, train_to_file
from genolift.simulate.dataset import FILES
from genolift.support.errors import FileProblem, InputError


def test_a_data_set_is_drawn_once(tmp_path):
    out = tmp_path / "data"
    dataset, was_there = draw_dataset("tal_gata", out, n=80)
    assert not was_there
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert draw_dataset("tal_gata", out, n=80)[1]
    (out / FILES[1]).unlink()  # as after a kill
    assert not draw_dataset("tal_gata", out, n=80)[1]
    assert (out / FILES[1]).exists()
    with pytest.raises(InputError, match=r"sequences\.fa is not what this configuration and seed give"):
        draw_dataset("tal_gata", out, seed=5, n=80)
    other, _ = draw_dataset("tal_gata", out, seed=5, n=80, force=True)
    assert other.sequences != dataset.sequences


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    draw_dataset("tal_gata", folder / "data", n=200)
    job = Training("tal_gata", folder / "data", folder / "model.keras", seed=3, epochs=1)
    record, was_there = train_to_file(job, progress=False)
    assert not was_there
    return job, record


def test_training_leaves_model_and_record(trained):
    job, record = trained
    assert json.loads((job.out.parent / "model.keras.json").read_text()) == record
    assert record["seed"] == 3
    assert set(record["metrics"]) == {"both", "GATA", "TAL1"}
    assert {path.name for path in job.out.parent.iterdir()} == {"data", "model.keras", "model.keras.json"}


def test_training_is_done_once(trained):
    job, record = trained
    assert train_to_file(job, progress=False) == (record, True)


def test_another_training_does_not_replace_it(trained):
    job, _ = trained
    for changes, words in (({"seed": 4}, "seed is 3 there and 4 here"), ({"epochs": 2}, "epochs is 1 there")):
        with pytest.raises(InputError, match=words):
            train_to_file(Training(**(vars(job) | changes)), progress=False)


def test_a_directory_holds_several_models(trained, tmp_path):
    job, record = trained
    folder = tmp_path / "models"
    shutil.copytree(job.out.parent, folder)
    first = Training(**(vars(job) | {"out": folder / job.out.name}))
    other = Training(**(vars(job) | {"out": folder / "seed4.keras", "seed": 4}))
    made, was_there = train_to_file(other, progress=False)
    assert made["seed"] == 4
    assert not was_there
    assert train_to_file(other, progress=False) == (made, True)
    assert train_to_file(first, progress=False) == (record, True)


def test_models_of_others_are_left_alone(trained, tmp_path):
    job, _ = trained
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(FileProblem, match="is there already"):
        train_to_file(Training(**(vars(job) | {"out": tmp_path / "model.keras"})), progress=False)
    assert (tmp_path / "model.keras").read_text() == "mine"
    with pytest.raises(InputError, match=r"ends in \.keras"):
        train_to_file(Training(**(vars(job) | {"out": tmp_path / "model.h5"})), progress=False)
    with pytest.raises(FileProblem, match="no directory"):
        train_to_file(Training(**(vars(job) | {"out": tmp_path / "none" / "m.keras"})), progress=False)
