"""The conda recipe and the image say what setup.cfg says, and name files that exist."""

import re
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from genolift.version import __version__

ROOT = Path(__file__).parents[2]
#: Packages that have another name in conda's channels. matplotlib-base is matplotlib without a graphical interface.
IN_CONDA = {"matplotlib": "matplotlib-base", "tf_keras": "tf-keras"}
REQUIREMENT = re.compile(r"([\w-]+)(\[[\w,-]+\])?\s*(>=[\d.]+)")


@pytest.fixture(scope="module")
def setup() -> ConfigParser:
    found = ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def recipe() -> dict:
    """The recipe, with the values of its context in place."""
    text = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    for name, value in yaml.safe_load(text)["context"].items():
        text = text.replace(f"${{{{ {name} }}}}", value)
    return yaml.safe_load(text)


def bounds(lines) -> dict[str, str]:
    """The lower bound of each requirement; one of another form is an error."""
    found = {}
    for line in lines:
        match = REQUIREMENT.fullmatch(line)
        assert match, line
        found[match[1]] = match[3]
    return found


def test_conda_requires_what_pip_requires(setup, recipe):
    ours = bounds(setup["options"]["install_requires"].split())
    expected = {IN_CONDA.get(name, name): bound for name, bound in ours.items()}
    expected["python"] = setup["options"]["python_requires"]
    assert bounds(recipe["requirements"]["run"]) == expected


def test_conda_builds_as_pip_does(setup, recipe):
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (backend,) = re.findall(r'^requires = \["([^"]+)"\]', pyproject, re.M)
    host = {line.split()[0]: line for line in recipe["requirements"]["host"]}
    assert host["setuptools"].replace(" ", "") == backend
    assert host["python"] == f"python {setup['options']['python_requires'].removeprefix('>=')}.*"


def test_conda_has_the_version_the_command_and_the_license(setup, recipe):
    assert recipe["package"] == {"name": setup["metadata"]["name"], "version": __version__}
    assert recipe["build"]["noarch"] == "python"
    scripts = setup["options.entry_points"]["console_scripts"].split("\n")
    assert recipe["build"]["python"]["entry_points"] == [line for line in scripts if line]
    assert recipe["about"]["license"] == setup["metadata"]["license_expression"]
    assert (ROOT / "recipe" / recipe["source"]["path"] / recipe["about"]["license_file"]).is_file()


def test_the_extra_for_gpus_has_the_bound_of_tensorflow(setup):
    ours = bounds(setup["options"]["install_requires"].split())
    assert setup["options.extras_require"]["gpu"].strip() == f"tensorflow[and-cuda]{ours['tensorflow']}"


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments; lines that are continued are one."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line for word, _, rest in [line.partition(" ")]]


def ignored(path: str) -> bool:
    """Whether the image cannot see a file or folder at the root of the repository: the last line that fits decides."""
    hidden = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            hidden = not line.startswith("!")
    return hidden


def test_the_image_is_made_of_files_that_exist_and_are_not_ignored():
    copied = [path for word, rest in instructions() if word == "COPY" for path in rest.split()[:-1]]
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert not ignored(path), path
    seen = {path.name for path in ROOT.iterdir() if not ignored(path.name)}
    assert seen == set(copied), "the image is sent what it does not need"


def test_the_image_copies_what_builds_the_wheel(setup):
    copied = {path for word, rest in instructions() if word == "COPY" for path in rest.split()[:-1]}
    needed = {"pyproject.toml", "setup.cfg", "genolift", *setup["metadata"]["license_files"].split()}
    needed |= set(setup["options"]["package_dir"].replace("=", " ").split()[1::2])
    needed.add(setup["metadata"]["long_description"].removeprefix("file: "))
    assert needed == copied


def test_the_image_does_not_run_as_root_and_has_the_extras(setup):
    told = instructions()
    extras = setup["options.extras_require"]
    (default,) = [rest.removeprefix("EXTRAS=") for word, rest in told if rest.startswith("EXTRAS=")]
    (for_gpu,) = re.findall(r"--build-arg EXTRAS=(\S+)", (ROOT / "Dockerfile").read_text())
    assert set(for_gpu.split(",")) == {"gpu", *default.split(",")}
    assert set(for_gpu.split(",")) <= set(extras)
    stages = [i for i, (word, _) in enumerate(told) if word == "FROM"]
    last = dict(told[stages[-1] :])
    # As a number, so that a host can see that it is not root.
    assert int(last["USER"]) > 0
    assert f"--uid {last['USER']} genolift" in last["RUN"]
    assert last["ENTRYPOINT"] == '["genolift"]'
    names = {rest.split(" AS ")[1] for word, rest in told if word == "FROM" and " AS " in rest}
    used = {name for _, rest in told for name in re.findall(r"from=(\w+)", rest)}
    assert used <= names


def test_every_extra_is_documented(setup):
    (page,) = (ROOT / "docs").rglob("installing.md")
    rows = re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.M)
    assert sorted(rows) == sorted(setup["options.extras_require"])
