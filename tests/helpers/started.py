"""Commands in processes of their own, which Ctrl-C reaches."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def started(command: Sequence[Any], **options: Any) -> subprocess.Popen:
    """Start a genolift command. A job in the background ignores Ctrl-C, and so would all that it starts."""
    return subprocess.Popen(
        [sys.executable, "-m", "genolift.cli", *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )
