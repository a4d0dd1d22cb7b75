#!/usr/bin/env python3
"""Each source of a module has a test that mirrors it,
or a line in mirrors.txt that says what tests it instead.

<module>/src/<...>/<name>.cc is mirrored by tests/unit/<module>/**/<name>_test.cc,
or by <folder>_<name>_test.cc where a folder of the source's path makes the name plain.
"""
import pathlib
import sys
from typing import NamedTuple

import tree

EXCEPTIONS = "tests/tidy/mirrors.txt"


class Exception_(NamedTuple):
    line: int
    source: str  # ends with / when it is a folder
    tested_by: str
    reason: str

    def covers(self, path: str) -> bool:
        return path == self.source or (self.source.endswith("/") and path.startswith(self.source))


def exceptions(root: pathlib.Path) -> tuple[list[Exception_], list[str]]:
    """The list, and what is wrong with its form."""
    found, problems = [], []
    for number, line in enumerate((tree.text(root, EXCEPTIONS) or "").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 3 and all(parts):
            found.append(Exception_(number, *parts))
        else:
            problems.append(f"{EXCEPTIONS}:{number}: a line is 'source | what tests it | why it has no test "
                            f"of its own'")
    return found, problems


def mirrors_of(path: str) -> set[str]:
    """The file names that a mirroring test may have."""
    module, _, *folders, name = pathlib.PurePosixPath(path).parts
    stem = name.removesuffix(".cc")
    return {f"{stem}_test.cc"} | {f"{folder}_{stem}_test.cc" for folder in folders}


def check(root: pathlib.Path) -> list[str]:
    paths = tree.files(root)
    excepted, problems = exceptions(root)
    tests: dict[str, set[str]] = {}  # module -> names of its unit tests
    for path in paths:
        parts = path.split("/")
        if path.startswith("tests/unit/") and len(parts) > 3:
            tests.setdefault(parts[2], set()).add(parts[-1])
    used = set()
    for path in paths:
        parts = path.split("/")
        if not path.endswith(".cc") or len(parts) < 3 or parts[1] != "src":
            continue
        covering = [entry for entry in excepted if entry.covers(path)]
        used.update(covering)
        mirrored = bool(mirrors_of(path) & tests.get(parts[0], set()))
        if not mirrored and not covering:
            problems.append(f"{path}: "
                            f"no tests/unit/{parts[0]}/**/{pathlib.PurePosixPath(path).stem}_test.cc "
                            f"mirrors it, "
                            f"and no line of {EXCEPTIONS} says what tests it")
        for entry in covering:
            if mirrored and entry.source == path:
                problems.append(f"{EXCEPTIONS}:{entry.line}: {path} has a test of its own; the line can go")
    for entry in excepted:
        if entry not in used:
            problems.append(f"{EXCEPTIONS}:{entry.line}: there is no source {entry.source}")
        if not (root / entry.tested_by).exists():
            problems.append(f"{EXCEPTIONS}:{entry.line}: there is no {entry.tested_by}")
    return problems


if __name__ == "__main__":
    sys.exit(tree.run(check, "mirrors"))
