"""Whether pip can install the packages of envs/*.yaml here, and which versions come with them.

    python envs/check.py

It downloads metadata and installs nothing. The files name what the project imports, at the versions of constraints.txt;
what those need in turn is left to pip, and said here where it is not the version of constraints.txt.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent


def plain(name: str) -> str:
    """A package's name as indices compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolved(packages: list[str]) -> dict[str, str]:
    """The version of every package that pip would install for these. Ends with what pip says where it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]
        done = subprocess.run([*command, "--ignore-installed", "--report", report, *packages])
        if done.returncode:
            sys.exit(done.returncode)
        found = json.loads(report.read_text())["install"]
    return {plain(each["metadata"]["name"]): each["metadata"]["version"] for each in found}


def differing(found: dict[str, str], pinned: dict[str, str]) -> list[str]:
    """What was resolved to another version than the one pinned, whatever the build (2.13.0+cpu is 2.13.0)."""
    return [
        f"{name} is resolved to {version}, and constraints.txt has {pinned[name]}"
        for name, version in found.items()
        if name in pinned and version.partition("+")[0] != pinned[name]
    ]


def main() -> None:
    lines = (FOLDER.parent / "constraints.txt").read_text().split()
    pinned = {plain(name): version for name, version in (line.split("==") for line in lines)}
    for path in sorted(FOLDER.glob("*.yaml")):
        packages = yaml.safe_load(path.read_text())["dependencies"][-1]["pip"]
        found = resolved(packages)
        parts = [f"{name} {found[name]}" for name in ("torch", "nvidia-cuda-runtime", "xformers") if name in found]
        print(f"{path.name}: {len(found)} packages, with {', '.join(parts)}", flush=True)
        print("".join(f"  {each}\n" for each in differing(found, pinned)), end="")


if __name__ == "__main__":
    main()
