"""The files of the tree, and how a check reports: one line per problem, exit code 1 when there is any."""
import argparse
import os
import pathlib
import sys
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Directories that hold no source: builds, version control, what programs of the project write.
SKIPPED_DIRECTORIES = {"build", ".git", "demo-output", "__pycache__", ".cache", ".idea", ".vscode"}


def files(root: pathlib.Path) -> list[str]:
    """Every file below `root`, as sorted relative paths with forward slashes."""
    found = []
    for directory, subdirectories, names in os.walk(root):
        subdirectories[:] = [name for name in subdirectories if name not in SKIPPED_DIRECTORIES]
        for name in names:
            path = pathlib.Path(directory, name)
            if name != ".git" and not path.is_symlink():
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def text(root: pathlib.Path, path: str) -> str | None:
    """The file as text, or None when it is not UTF-8 text."""
    try:
        content = (root / path).read_bytes()
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def run(check: Callable[[pathlib.Path], list[str]], what: str) -> int:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the tree to check")
    root = parser.parse_args().root
    problems = check(root)
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problems in {len(files(root))} files")
    return 1 if problems else 0


def fail_if(problems: list[str], what: str) -> int:
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit("tree.py is used by the checks beside it")
