"""Keras on another backend is refused in words, before anything of it is loaded."""

import os
import subprocess
import sys

import pytest

CODE = "import genolift as gl\ntry:\n    gl.load_model('x.keras')\nexcept ValueError as error:\n    print(error)"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_named(backend):
    ran = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, text=True
    )
    assert f"Keras is set to run on {backend}" in ran.stdout, ran.stderr
    assert "KERAS_BACKEND=tensorflow" in ran.stdout


@pytest.mark.slow
def test_a_command_runs_all_the_same(tmp_path):
    command = [sys.executable, "-m", "genolift.cli", "check", str(tmp_path / "missing.keras")]
    ran = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "no such file" in ran.stderr or "does not exist" in ran.stderr
