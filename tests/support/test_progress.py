"""The progress display: what is shown, and what is told of slow parts that are not shown themselves."""

import re
import time

from genolift.support.progress import bar


def test_a_display_tells_how_far_its_slow_part_is(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with bar(4, "job", "sequences") as outer:
        for _ in range(2):
            with bar(50, "method", "predictions", show=False) as inner:
                for _ in range(5):
                    time.sleep(0.03)
                    inner.update(10)
            outer.update(2)
    lines = re.split(r"[\r\n]+", capsys.readouterr().err)
    told = [line for line in lines if re.search(r"job: .* 0/4 .* [1-4]0 of 50 predictions", line)]
    assert told
    assert not any("method" in line for line in lines)
    assert "predictions" not in [line for line in lines if "4/4" in line][-1]


def test_nothing_is_told_without_a_display_around(capsys):
    with bar(50, "method", "predictions", show=False) as inner:
        inner.update(10)
    with bar(4, "job", "sequences", show=False), bar(None, "method", "predictions", show=False) as inner:
        inner.update(10)
    assert capsys.readouterr().err == ""
