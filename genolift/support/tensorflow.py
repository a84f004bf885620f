"""The one place that imports TensorFlow, so that the messages of its start never reach the user."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from importlib import import_module
from typing import IO, Any, TypeAlias

from genolift.support.errors import InputError, Remedy

#: A TensorFlow tensor. TensorFlow has no types that a type checker could follow, so the name is for readers.
Tensor: TypeAlias = Any

#: XLA prints lines when it first compiles, which TF_CPP_MIN_LOG_LEVEL does not hold back in TensorFlow 2.18. They are
#: not there any more in this version; those between were not looked at.
_QUIET_XLA = (2, 21)
_ours = False
_shown = False


def own_process() -> None:
    """Declare that this process does only genolift's work, so that it may be set up for it.

    A search for garbage among the objects of TensorFlow takes half a second. The tuned collector does not look at them,
    and it does not search when the process ends, because its memory is freed then anyway.
    """
    global _ours
    if not _ours:
        _ours = True
        os.environ["KERAS_BACKEND"] = "tensorflow"  # What the user trains on does not matter here.
        atexit.register(gc.freeze)


def show_start(shown: bool = True) -> None:
    """Print what TensorFlow says when it starts, such as why it cannot use a GPU.

    Parameters
    ----------
    shown
        Whether it is printed if TensorFlow starts later; ``False`` keeps it back again.
    """
    global _shown
    _shown = shown


@cache
def quiet_tensorflow() -> Any:
    """Return the module ``tensorflow``, with Keras imported too and nothing printed.

    What they write to the file descriptor of standard error is kept, and printed only if the import fails, or if
    :func:`show_start` asked for it.

    Raises
    ------
    InputError
        If Keras runs, or is set to run, on another backend than TensorFlow.
    """
    _check_backend()
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if _shown else "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as aside, _uncollected():
        saved = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            import_module("keras")
            tensorflow = import_module("tensorflow")

            tensorflow.config.list_physical_devices()
            zero = tensorflow.constant(0.0)  # This starts the runtime, which prints messages of its own.
            if tuple(map(int, tensorflow.__version__.split(".")[:2])) < _QUIET_XLA:
                tensorflow.function(lambda x: x + 1, jit_compile=True, autograph=False)(zero)
        except Exception:  # An interruption by the user is not replayed.
            os.dup2(saved, 2)
            _replay(aside)
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        if _shown:
            _replay(aside)
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


def _replay(aside: IO[bytes]) -> None:
    """Print what was kept back."""
    aside.seek(0)
    sys.stderr.write(aside.read().decode(errors="replace"))


def _check_backend() -> None:
    """Refuse another backend of Keras, on which models are not made of TensorFlow's operations."""
    keras = sys.modules.get("keras")
    running = getattr(keras, "config", None)
    backend = running.backend() if running is not None else os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise InputError(
            f"Keras is set to run on {backend}, and genolift explains models that run on TensorFlow",
            Remedy.naming("set KERAS_BACKEND=tensorflow before Python starts; files trained elsewhere load there too"),
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Switch garbage collection off for a while.

    It takes a quarter of the time of an import, which leaves no garbage. In a process that is ours alone, later
    collections do not look at what was imported.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _ours:
            gc.freeze()
        if was:
            gc.enable()


@contextmanager
def _as_it_stands() -> Iterator[None]:
    """Let TensorFlow run the graphs that this thread calls as they are, without rewriting them first."""
    module = import_module("tensorflow.python.eager.context")
    context = module.context()
    before = context.function_call_options
    config = quiet_tensorflow().compat.v1.ConfigProto.FromString(before.config_proto_serialized)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    context.function_call_options = module.FunctionCallOptions(before.executor_type, config)
    try:
        yield
    finally:
        context.function_call_options = before


class Compiled:
    """A function that runs as a graph, also after ``tf.config.run_functions_eagerly(True)``: slopes need a graph.

    Parameters
    ----------
    function
        The function.
    rewritten : int, optional
        A graph of more operations than this is run as it stands, if the function has a signature. Before TensorFlow
        first runs a graph, it rewrites it to be faster. Of thousands of operations on small tensors, that takes longer
        than hundreds of runs. By default every graph is rewritten.
    **options
        Further options of ``tf.function``.
    """

    def __init__(self, function: Callable[..., Any], rewritten: int | None = None, **options: Any):
        # TensorFlow counts how often the code of a function is traced, and warns when many objects trace the same
        # method once each. A partial function is counted by itself, so there is no such warning.
        self._function = quiet_tensorflow().function(partial(function), autograph=False, **options)
        # With a signature there is one graph for all arguments, and it need not be looked up for each call.
        self._signed = options.get("input_signature") is not None
        self._graph: Callable[..., Any] | None = None
        self._rewritten = rewritten
        self._running: Callable[[], AbstractContextManager[None]] = nullcontext

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns for these arguments."""
        if self._signed:
            if self._graph is None:
                graph = self._function.get_concrete_function()
                if self._rewritten is not None and len(graph.graph.get_operations()) > self._rewritten:
                    self._running = _as_it_stands
                self._graph = graph
            with self._running():
                return self._graph(*arguments)
        if quiet_tensorflow().config.functions_run_eagerly():
            return self._function.get_concrete_function(*arguments)(*arguments)
        return self._function(*arguments)

    def get_concrete_function(self, *arguments: Any) -> Any:
        """Return the function as a graph for arguments of these shapes and types."""
        return self._function.get_concrete_function(*arguments)

    def experimental_get_tracing_count(self) -> int:
        """Return how often the function was traced."""
        return self._function.experimental_get_tracing_count()


def compiled(function: Callable[..., Any], rewritten: int | None = None, **options: Any) -> Compiled:
    """Return a function as a graph, see :class:`Compiled`; further ``options`` are those of ``tf.function``."""
    return Compiled(function, rewritten, **options)


def require_eager() -> None:
    """Refuse to work where TensorFlow only builds a graph and computes no numbers.

    Raises
    ------
    InputError
        If eager execution was switched off, or the caller is inside a ``tf.Graph`` or ``tf.function``.
    """
    if not quiet_tensorflow().executing_eagerly():
        raise InputError(
            "TensorFlow only builds a graph here and computes no numbers; call genolift outside of tf.Graph and "
            "tf.function, and without tf.compat.v1.disable_eager_execution() or disable_v2_behavior()"
        )
