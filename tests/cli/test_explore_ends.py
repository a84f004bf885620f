"""`genolift explore` ends when it is told to, whatever the model computes."""

import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import keras
import pytest
from started import started

pytest.importorskip("starlette")
LENGTH = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory with a network for which all substitutions take many minutes."""
    folder = tmp_path_factory.mktemp("ends")
    inputs = keras.Input((LENGTH, 4))
    keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LSTM(256)(inputs))).save(folder / "m.keras")
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_while_it_computes(folder, number):
    process = started(["explore", "m.keras", "--no-browser"], cwd=folder, stdout=subprocess.PIPE)
    told = {}

    def ask(kind):
        body = {"tab": kind, "number": 1, "sequence": "ACGTA" * (LENGTH // 5)}
        request = urllib.request.Request(
            f"{address[1]}/api/{kind}", json.dumps(body).encode(), {"X-Genolift-Token": address[2]}
        )
        try:
            urllib.request.urlopen(request, timeout=300).close()
        except urllib.error.HTTPError as answer:
            told[kind] = json.load(answer)["problem"]

    try:
        address = re.match(r"open (http://[\d.:]+)/\?token=(\S+)", process.stdout.readline())
        # The first computes, and the second waits for its turn.
        asking = [threading.Thread(target=ask, args=(kind,), daemon=True) for kind in ("effects", "explain")]
        for one in asking:
            one.start()
            time.sleep(2)
        assert told == {}
        before = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert time.monotonic() - before < 30  # It takes one second on a machine that does nothing else.
        for one in asking:
            one.join(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert said == "genolift: stopped\n"
    words = "genolift explore was stopped; start it again, and open the address that it prints"
    assert told == {"effects": words, "explain": words}
