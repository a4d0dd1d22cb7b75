#!/usr/bin/env python3
"""Rules about files: length, names, marks, sources that nobody builds, modules without a README."""
import pathlib
import re
import sys

import tree

LINES_MAX = 800
BYTES_MAX = 512 * 1024
# path -> why it may be longer than LINES_MAX.
LONG_FILES: dict[str, str] = {
    "PROTOCOL.md": "whoever writes another implementation of a side has one document with numbered sections",
}

MODULES = ("base", "crypto", "identity", "proto", "hosting", "aggregator", "mask-helper", "device-runtime",
           "model-compiler", "server", "client",
           "firmware", "simulation", "cli", "bench", "deploy", "packages")
CODE = re.compile(r"(\.(h|cc|py|cmake|proto|sh|md|toml|yaml|service)|CMakeLists\.txt|Containerfile)$"
                  r"|^scripts/|^\.ci/")
# Built by something else than the CMakeLists above them.
SOURCES_BUILT_OTHERWISE = {
    "tests/unit/firmware/arduino/arduino.cc": "compiled with a sketch by tests/system/test_fleet_sketch.py",
    "tests/tidy/must_not_compile.cc": "compiled case by case by check_must_not_compile.py",
}

# Spelt so that this file does not hold the marks it looks for.
MARKS = [
    (re.compile(r"\bFIX" + r"ME\b"), "fix it or write down why it stays"),
    (re.compile(r"\bX{3}\b"), "say what is meant"),
    (re.compile(r"\bTO" + r"DO\b(?!\((security|perf|port)\))"),
     "allowed kinds are (security), (perf), (port)"),
    (re.compile(r"\bDIS" + r"ABLED_\w"), "a test is fixed or deleted, not disabled"),
    (re.compile(r"\bGTEST_" + r"SKIP\(\)\s*;"), "say what is absent: GTEST_SKIP() << ..."),
    (re.compile(r"^\s*#\s*if\s+0\b"), "code that is never compiled"),
    (re.compile(r"(?<![\w.$}])/(home|root|Users|work)/\w"), "a path of one machine"),
]
NAMES = re.compile(r"(^|[_-])(util|utils|utility|utilities|misc|helper|helpers|common)([_-]|$)")
# The mask helper is a party of its own (PROTOCOL.md section 10), so this is a noun.
PARTY = re.compile("mask[_-]helper")


def name_problems(path: str) -> list[str]:
    problems = []
    for part in pathlib.PurePosixPath(path).parts:
        if NAMES.search(PARTY.sub("party", part.split(".")[0])):
            problems.append(f"{path}: '{part}' says nothing about what is inside; name it after its noun")
    return problems


def content_problems(root: pathlib.Path, path: str) -> list[str]:
    problems = []
    size = (root / path).stat().st_size
    if size > BYTES_MAX:
        problems.append(f"{path}: {size} bytes; at most {BYTES_MAX}")
    if not CODE.search(path):
        return problems
    content = tree.text(root, path)
    if content is None:
        return problems + [f"{path}: not UTF-8 text"]
    lines = content.splitlines()
    if len(lines) > LINES_MAX and path not in LONG_FILES:
        problems.append(f"{path}: {len(lines)} lines; split it, or give the reason in LONG_FILES")
    for number, line in enumerate(lines, 1):
        for mark, advice in MARKS:
            if mark.search(line):
                problems.append(f"{path}:{number}: '{mark.search(line).group(0)}': {advice}")
    return problems


def listed_sources(root: pathlib.Path, paths: list[str]) -> set[str]:
    """Every .cc that a CMakeLists.txt names, relative to its own directory."""
    listed = set()
    for path in paths:
        if not path.endswith("CMakeLists.txt"):
            continue
        directory = pathlib.PurePosixPath(path).parent
        text = re.sub(r"#.*", "", tree.text(root, path) or "")
        for name in re.findall(r"[\w./${}-]+\.cc\b", text):
            name = name.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
            if name.startswith("${PROJECT_SOURCE_DIR}/"):
                listed.add(name.removeprefix("${PROJECT_SOURCE_DIR}/"))
            else:
                listed.add((directory / name).as_posix())
    return listed


def check(root: pathlib.Path) -> list[str]:
    paths = tree.files(root)
    problems = []
    for path in paths:
        problems += name_problems(path) + content_problems(root, path)
    listed = listed_sources(root, paths)
    for path in paths:
        if path.endswith(".cc") and path not in listed and path not in SOURCES_BUILT_OTHERWISE:
            problems.append(f"{path}: no CMakeLists.txt names it, so nobody builds it")
    for path in sorted(listed):
        if "$" not in path and not (root / path).exists():
            problems.append(f"{path}: named in a CMakeLists.txt and absent")
    for module in MODULES:
        if f"{module}/README.md" not in paths:
            problems.append(f"{module}/README.md: absent; every module says its job, what it may include, "
                            f"its bounds")
    for path in list(LONG_FILES) + list(SOURCES_BUILT_OTHERWISE):
        if path not in paths and root == tree.ROOT:
            problems.append(f"{path}: listed as an exception and absent")
    return problems


if __name__ == "__main__":
    sys.exit(tree.run(check, "tree"))
