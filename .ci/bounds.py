"""Run some tests with the oldest, or with the newest, packages that setup.cfg allows: `make oldest`, `make newest`.

It makes a virtual environment, in which every requirement of genolift has its lowest version, or its highest. Extras
are not installed there, because some of them hold requirements back.
"""

import re
import subprocess
import sys
import venv
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = re.compile(r"([\w-]+)>=([\d.]+)")
#: What runs the tests. Their other requirements are those of extras, which the tests below do not use.
TOOLS = ("pytest", "pytest-timeout", "hypothesis")
#: A walk through all rooms, chosen to touch every requirement: reading, simulating, training, tracing, explaining,
#: storing, drawing, the command line and a page.
TESTS = (
    "tests/sequence/test_fasta.py",
    "tests/sequence/test_vcf.py",
    "tests/simulate/test_generate.py",
    "tests/models/test_loading.py",
    "tests/engine/walk/test_twin.py",
    "tests/results/test_store.py",
    "tests/evaluate/test_seqlets.py",
    "tests/plot/test_logo.py",
    "tests/plot/test_report.py",
    "tests/cli/test_start_up.py",
    "tests/cli/test_explain.py",
    "tests/cli/test_variants_command.py",
)


def lowest() -> list[str]:
    """Return a constraint for each requirement; one of another form than NAME>=VERSION is an error."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    found = []
    for line in setup["options"]["install_requires"].split():
        match = REQUIREMENT.fullmatch(line)
        if match is None:
            raise SystemExit(f"setup.cfg: {line} has no lower bound; write NAME>=VERSION")
        found.append(f"{match[1]}=={match[2]}")
    return found


def main() -> None:
    """Make the environment, and run the tests there."""
    if len(sys.argv) < 2 or sys.argv[1] not in ("oldest", "newest"):
        raise SystemExit("give oldest or newest, and then what pytest takes")
    which, *options = sys.argv[1:]
    place = ROOT / f".venv-{which}"
    python = place / "bin" / "python"
    venv.create(place, clear=True, with_pip=True)
    constraints = place / "constraints.txt"
    constraints.write_text("\n".join(lowest() if which == "oldest" else []) + "\n", encoding="utf-8")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", constraints, "--editable", ROOT, *TOOLS]
    told = subprocess.run(install, stderr=subprocess.PIPE, text=True, check=False).stderr
    sys.stderr.write(told)
    if "yanked" in told:  # Its authors took it back, so nobody should get it.
        raise SystemExit("setup.cfg allows a version that was yanked; raise its bound")
    subprocess.run([python, "-m", "pip", "check"], check=True)
    subprocess.run([python, "-m", "pip", "list"], check=True)
    # Without genolift this fails at once.
    raise SystemExit(subprocess.run([python, "-m", "pytest", *TESTS, *options], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
