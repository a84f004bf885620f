"""Matrix products in full float32, also on graphics processors that would round them to TensorFloat-32."""

from __future__ import annotations

from threading import Lock
from types import TracebackType

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class _ExactFloat32:
    """A context without TensorFloat-32, whose products keep only ten bits of the mantissa.

    The setting belongs to the whole process. When several threads are inside at the same time, the last one to leave
    restores it.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = Lock(), 0, True

    def __enter__(self) -> None:
        settings = tf.config.experimental
        with self._lock:
            if not self._inside:
                self._before = settings.tensor_float_32_execution_enabled()
                settings.enable_tensor_float_32_execution(False)
            self._inside += 1

    def __exit__(self, *problem: type[BaseException] | BaseException | TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                tf.config.experimental.enable_tensor_float_32_execution(self._before)


exact_float32 = _ExactFloat32()
