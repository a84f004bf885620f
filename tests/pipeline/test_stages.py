"""Stages run once, and again when what they rest on is no longer what it was."""

import json

import pytest

from genolift.pipeline.benchmark.stages import Stage, complete, finished


@pytest.fixture
def work(tmp_path):
    (tmp_path / "in.txt").write_text("one")
    return tmp_path


def double(work):
    (work / "out.txt").write_text((work / "in.txt").read_text() * 2)
    return {"length": 6}


STAGE = Stage("double", "doubling", double, ("in.txt",), ("out.txt",))


def test_a_stage_is_finished_once_it_ran(work):
    assert finished(STAGE, work) is None
    record = complete(STAGE, work)
    assert record["result"] == {"length": 6}
    assert finished(STAGE, work) == record


@pytest.mark.parametrize("name", ["in.txt", "out.txt"])
def test_changed_files_make_it_run_again(name, work):
    complete(STAGE, work)
    (work / name).write_text("two")
    assert finished(STAGE, work) is None
    complete(STAGE, work)
    assert finished(STAGE, work)


def test_missing_outputs_and_other_outputs_make_it_run_again(work):
    complete(STAGE, work)
    more = Stage("double", "doubling", double, ("in.txt",), ("out.txt", "more.txt"))
    assert finished(more, work) is None
    (work / "out.txt").unlink()
    assert finished(STAGE, work) is None


def test_a_stage_that_fails_is_not_finished(work):
    def fail(work):
        double(work)
        raise KeyboardInterrupt

    stage = Stage("double", "doubling", fail, ("in.txt",), ("out.txt",))
    with pytest.raises(KeyboardInterrupt):
        complete(stage, work)
    assert (work / "out.txt").exists()
    assert finished(stage, work) is None


def test_what_a_killed_run_left_is_removed_first(work):
    (work / "out.txt").mkdir()
    (work / "out.txt" / "half").write_text("half")
    complete(STAGE, work)
    assert (work / "out.txt").read_text() == "oneone"
    assert json.loads((work / "double.stage.json").read_text())["seconds"] >= 0
