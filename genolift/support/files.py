"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from genolift.support.errors import FileProblem, file_problems


def write_whole(path, data: bytes) -> None:
    """Make or replace ``path``; raises :class:`FileProblem` if it is a directory or cannot be written."""
    path = Path(path)
    if path.is_dir():
        raise FileProblem(f"{path} is a directory; give the name of a file")
    with file_problems(path, "written"):
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(partial, 0o666 & ~mask)  # mkstemp makes files that only their owner may read
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
