#!/usr/bin/env python3
"""Public headers that promise C to firmware (extern "C") are C: check_c_headers.py COMPILER [--root TREE]

Headers below kernels/ are what kernels and model compiler agree on, in C++.
Each other one compiles alone, twice in a row, as C99 without a warning.
COMPILER is a C or C++ compiler of the GNU family.
"""
import argparse
import pathlib
import subprocess
import sys

import tree


def c_headers(root: pathlib.Path) -> list[str]:
    return [path for path in tree.files(root)
            if "/include/" in path and "/kernels/" not in path and path.endswith(".h")
            and 'extern "C"' in (tree.text(root, path) or "")]


def problems_of(compiler: str, root: pathlib.Path) -> list[str]:
    headers = c_headers(root)
    if not headers:
        return [f"{root}: no public header has extern \"C\""]
    problems = []
    for path in headers:
        directory, name = path.split("/include/")
        include = f'#include "{name}"\n'
        command = [compiler, "-x", "c", "-std=c99", "-pedantic-errors", "-Wall", "-Wextra", "-Werror",
                   "-fsyntax-only", f"-I{root / directory / 'include'}", "-"]
        run = subprocess.run(command, input=include + include, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            problems.append(f"{path}: is no C99:\n{run.stderr}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("compiler")
    parser.add_argument("--root", type=pathlib.Path, default=tree.ROOT)
    options = parser.parse_args()
    return tree.fail_if(problems_of(options.compiler, options.root), "C headers")


if __name__ == "__main__":
    sys.exit(main())
