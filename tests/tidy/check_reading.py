#!/usr/bin/env python3
"""Rules about reading: how long lines and functions are, and where comments stand."""
import pathlib
import re
import sys

import functions
import tree

COLUMNS_MAX = 110
FUNCTION_LINES_MAX = 70
# "path: function" -> why it may be longer than FUNCTION_LINES_MAX.
LONG_FUNCTIONS = {
    "tests/tidy/must_not_compile.cc: main": "each case is a line or two between preprocessor marks",
    "device-runtime/src/kernels/cortex_m_dsp/inner_loops_armv7em.cc: compute_depthwise_row":
        "one loop in assembly, whose registers mean the same from its first line to its last",
}
# path -> why its lines may be longer than COLUMNS_MAX.
WIDE_FILES: dict[str, str] = {}

CPP = re.compile(r"\.(h|cc)$")
CODE = re.compile(r"(\.(h|cc|py|cmake|proto)|CMakeLists\.txt)$|^scripts/|^\.ci/")
TRAILING_COMMENT = re.compile(r"^(?P<code>\s*[^\s/].*?)\s*(?P<comment>//\s.*)$")
# A line after which the next one begins something new.
ENDS = re.compile(r"[;:,{}()]$|^\s*$")


def is_python(path: str, text: str) -> bool:
    return path.endswith(".py") or text.startswith("#!/usr/bin/env python3")


def wide_lines(path: str, text: str) -> list[str]:
    if path in WIDE_FILES:
        return []
    return [f"{path}:{number}: {len(line)} columns; at most {COLUMNS_MAX}" for number,
            line in enumerate(text.splitlines(), 1)
            if len(line) > COLUMNS_MAX]


def long_functions(path: str, text: str) -> list[str]:
    if CPP.search(path):
        found = functions.cpp_functions(text)
    elif is_python(path, text):
        found = functions.python_functions(text)
    else:
        return []
    return [f"{path}:{function.line}: {function.name}: {function.lines} lines; "
            f"at most {FUNCTION_LINES_MAX}: branches stay, "
            "straight work goes to functions of its own, or the reason into LONG_FUNCTIONS"
            for function in found
            if function.lines > FUNCTION_LINES_MAX and f"{path}: {function.name}" not in LONG_FUNCTIONS]


def breaking_comments(path: str, text: str) -> list[str]:
    """A declaration on two lines that would stand on one if its comment stood above it."""
    if not CPP.search(path):
        return []
    problems = []
    lines = text.splitlines()
    for number, (first, second) in enumerate(zip(lines, lines[1:]), 2):
        found = TRAILING_COMMENT.match(second)
        if not found or "//" in first or first.lstrip().startswith(("*", "#")) or ENDS.search(first.rstrip()):
            continue
        if len(first.rstrip()) + 1 + len(found.group("code").strip()) <= COLUMNS_MAX:
            problems.append(f"{path}:{number}: a trailing comment breaks this over two lines; put it above")
    return problems


def wide_prose(path: str, text: str) -> list[str]:
    """Lines of a document. Tables, and lines that cannot be broken
    because they are one word, may be longer."""
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip(" *->#").split(" ")
        if len(line) > COLUMNS_MAX and not line.lstrip().startswith("|") and len(words) > 1:
            problems.append(f"{path}:{number}: {len(line)} columns; break it where a thought ends, "
                            f"at most {COLUMNS_MAX}")
    return problems


def check(root: pathlib.Path) -> list[str]:
    problems = []
    paths = tree.files(root)
    for path in paths:
        text = tree.text(root, path) or ""
        if path.endswith(".md"):
            problems += wide_prose(path, text)
        elif CODE.search(path):
            problems += wide_lines(path, text) + long_functions(path, text) + breaking_comments(path, text)
    for exception in [*WIDE_FILES, *(entry.split(":")[0] for entry in LONG_FUNCTIONS)]:
        if exception not in paths and root == tree.ROOT:
            problems.append(f"{exception}: listed as an exception and absent")
    return problems


if __name__ == "__main__":
    sys.exit(tree.run(check, "reading"))
