"""What all tests share: the paper's own data, where they are at hand."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Only oneDNN has the gradients of dilated and grouped convolutions with which models are compared. TensorFlow uses it by
# itself on some processors only. This stands before TensorFlow is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

settings.register_profile("genolift", derandomize=True, deadline=None)
settings.load_profile("genolift")


def pytest_collection_finish(session):
    """Spare the garbage collector what was imported: looking through it takes a tenth of the time of tracing models."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that are not part of the repository; a test that asks for them is skipped without them."""
    root = Path(os.environ.get("GENOLIFT_SHARED", Path(__file__).parents[2] / "shared"))
    if not (root / "data" / "paper").is_dir():
        pytest.skip(f"no shared data at {root}; set GENOLIFT_SHARED")
    return root / "data"


@pytest.fixture(scope="session")
def paper_data(shared_data) -> Path:
    """The paper's simulated sequences, test ids and trained model."""
    return shared_data / "paper"


@pytest.fixture
def uncompiled(monkeypatch):
    """Without XLA and without TensorFlow's optimisation of graphs, which take longest in tests of many small models."""
    from genolift.engine.operations import kernels
    from genolift.support.tensorflow import quiet_tensorflow

    tf = quiet_tensorflow()

    monkeypatch.setattr(kernels.Kernel, "compiling", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
