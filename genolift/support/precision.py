"""Products in full float32, also on graphics processors that would round them to TensorFloat-32."""

from __future__ import annotations

from threading import Lock

from genolift.support.tensorflow import quiet_tensorflow

tf = quiet_tensorflow()


class _ExactFloat32:
    """Without the TensorFloat-32 shortcut of GPUs, whose products have ten bits; put back afterwards.

    The setting is the process's, so the last of several blocks at a time puts it back.
    """

    def __init__(self):
        self._lock, self._inside, self._before = Lock(), 0, True

    def __enter__(self) -> None:
        settings = tf.config.experimental
        with self._lock:
            if not self._inside:
                self._before = settings.tensor_float_32_execution_enabled()
                settings.enable_tensor_float_32_execution(False)
            self._inside += 1

    def __exit__(self, *problem) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                tf.config.experimental.enable_tensor_float_32_execution(self._before)


exact_float32 = _ExactFloat32()
