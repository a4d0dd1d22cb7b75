#!/usr/bin/env python3
"""The cases of must_not_compile.cc: the source compiles,
and with any one case defined it does not, for the stated reason.

check_must_not_compile.py COMPILER [INCLUDE_DIRECTORY...]
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import tree

SOURCE = pathlib.Path(__file__).resolve().parent / "must_not_compile.cc"
CASE = re.compile(r"^#ifdef (SOTTO_CASE_\w+)\s+// expect: (.+)$", re.MULTILINE)


def compile_source(compiler: str, includes: list[str], definitions: list[str], source: pathlib.Path = SOURCE):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Werror=unused-result",
               "-fdiagnostics-plain-output",
               *[f"-I{directory}" for directory in includes], *[f"-D{name}" for name in definitions],
               str(source)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"},
                          check=False)


def judge(compiler: str, includes: list[str], source: pathlib.Path = SOURCE) -> list[str]:
    """The problems: a good side that fails, a case that compiles, a case that fails for another reason."""
    cases = CASE.findall(source.read_text())
    if not cases:
        return [f"{source.name}: no cases found"]
    problems = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        correct = pool.submit(compile_source, compiler, includes, [], source)
        mistakes = {name: pool.submit(compile_source, compiler, includes, [name], source)
                    for name, _ in cases}
    if correct.result().returncode != 0:
        problems.append(f"{source.name} without a case does not compile:\n{correct.result().stderr}")
    for name, expected in cases:
        run = mistakes[name].result()
        if run.returncode == 0:
            problems.append(f"{source.name}: {name} compiles, and must not")
        elif expected not in run.stderr:
            problems.append(f"{source.name}: {name} fails without saying '{expected}':\n{run.stderr}")
    return problems


if __name__ == "__main__":
    sys.exit(tree.fail_if(judge(sys.argv[1], sys.argv[2:]), "must not compile"))
