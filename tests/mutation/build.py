"""Builds the copy of the tree, without gRPC, and withdraws the faults that the compiler refuses."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess

from rules import Mutant

# Bounds of spans and containers are checked, and what is not set holds a pattern: a fault that reads or
# writes beside its array is noticed, as it is by the asan preset.
FLAGS = ["-O1", "-g0", "-w", "-D_GLIBCXX_ASSERTIONS", "-ftrivial-auto-var-init=pattern", "-fmax-errors=20"]
FLAGS += ["-DGTEST_HAS_PTHREAD=1"]  # as CMake's GTest has it: a precompiled header wants the same everywhere
# What nearly every file includes, precompiled with the switch. The files of boards have no exceptions.
PREFIX = """#include "{switch}"
#if defined(__cpp_exceptions)
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
#endif
"""
ERROR = re.compile(r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d+):\d+: (?:fatal )?error:", re.MULTILINE)
# GCC names the places that led to an error in a template or macro; the planted line may be one of them.
CONTEXT = re.compile(
    r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d+):\d+:\s+(?:required|note|in expansion)", re.MULTILINE
)
UNIT_TESTS = "tests/unit/"
# Beside its unit tests: the answers, and the images, of the committed models of one operator each.
MORE_TESTS = {"tests/device/operators": "model-compiler"}
OTHER_TESTS = "tests/assurance"


@dataclasses.dataclass
class Program:
    """A test binary: of one module's unit tests, or of none (module "")."""

    name: str
    module: str
    path: pathlib.Path


@dataclasses.dataclass
class Model:
    sources: dict[str, list[str]]  # module (folder) -> its compiled sources
    programs: list[Program]
    libraries: list[str]  # what the programs are linked from, the lowest first


def configure(source: pathlib.Path, out: pathlib.Path, header: pathlib.Path | None) -> None:
    """Asks CMake for the list of targets, beside the build itself."""
    query = out / ".cmake/api/v1/query/codemodel-v2"
    query.parent.mkdir(parents=True, exist_ok=True)
    query.touch()
    flags = " ".join(FLAGS + (["-include", str(header)] if header else []))
    command = ["cmake", "-S", str(source), "-B", str(out), "-G", "Ninja", "--log-level=NOTICE"]
    command += [
        "-DCMAKE_BUILD_TYPE=",
        f"-DCMAKE_CXX_FLAGS={flags}",
        f"-DCMAKE_CXX_COMPILER={shutil.which('g++')}",
    ]
    command += ["-DSOTTO_GRPC=OFF", "-DSOTTO_DEVELOPER_MODE=ON"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write_prefix(folder: pathlib.Path, switch: pathlib.Path) -> pathlib.Path:
    """The header that is included before everything else, precompiled."""
    folder.mkdir(parents=True, exist_ok=True)
    header = folder / "prefix.h"
    text = PREFIX.replace("{switch}", str(switch))
    compiled = folder / "prefix.h.gch"
    if (
        not compiled.is_file()
        or header.read_text() != text
        or compiled.stat().st_mtime < switch.stat().st_mtime
    ):
        header.write_text(text)
        command = ["g++", *FLAGS, "-std=gnu++20", "-x", "c++-header", str(header), "-o", str(compiled)]
        subprocess.run(command, check=True)
    return header


def model_of(source: pathlib.Path, out: pathlib.Path, modules: list[str] | None) -> Model:
    """The libraries and test programs of a configured build, as CMake's file API lists them."""
    reply = out / ".cmake/api/v1/reply"
    index = json.loads(
        max(reply.glob("codemodel-v2-*.json"), key=lambda file: file.stat().st_mtime).read_text()
    )
    entries = index["configurations"][0]["targets"]
    targets = {entry["id"]: json.loads((reply / entry["jsonFile"]).read_text()) for entry in entries}
    sources: dict[str, list[str]] = {}
    programs = []
    libraries: list[str] = []
    for target in targets.values():
        folder = target["paths"]["source"]
        if target["type"] == "STATIC_LIBRARY" and not folder.startswith("tests"):
            paths = [one["path"] for one in target.get("sources", []) if one["path"].endswith(".cc")]
            sources.setdefault(folder.split("/")[0], []).extend(
                path for path in paths if (source / path).is_file()
            )
        elif _is_test(target):
            module = _module_of(folder)
            if modules is None or module in modules:
                programs.append(Program(target["name"], module, out / target["artifacts"][0]["path"]))
                _add_libraries(target, targets, libraries)
    return Model(
        {module: sorted(set(paths)) for module, paths in sorted(sources.items())},
        sorted(programs, key=lambda one: one.name),
        libraries,
    )


def _module_of(folder: str) -> str:
    if folder.startswith(UNIT_TESTS):
        return folder.removeprefix(UNIT_TESTS).split("/")[0]
    return MORE_TESTS.get(folder, "")


def _is_test(target: dict) -> bool:
    name, folder = target["name"], target["paths"]["source"]
    return (
        target["type"] == "EXECUTABLE"
        and name.endswith("_test")
        and "_long_" not in name
        and (folder.startswith((UNIT_TESTS, OTHER_TESTS)) or folder in MORE_TESTS)
    )


def _add_libraries(target: dict, targets: dict[str, dict], found: list[str]) -> None:
    for dependency in target.get("dependencies", []):
        below = targets[dependency["id"]]
        if below["type"] == "STATIC_LIBRARY" and below["name"] not in found:
            _add_libraries(below, targets, found)
            if below["name"] not in found:
                found.append(below["name"])


def compile_all(out: pathlib.Path, model: Model, jobs: int) -> str:
    """What the compiler says when it fails, and nothing when all is built.

    Library by library, the lowest first: a fault in a header that does not compile would fail everywhere.
    """
    for targets in [*([library] for library in model.libraries), [one.name for one in model.programs]]:
        command = ["ninja", "-C", str(out), "-k", "0", f"-j{jobs}", *targets]
        run = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if run.returncode:
            return run.stdout
    return ""


def refused(said: str, copy: pathlib.Path, out: pathlib.Path, chosen: list[Mutant]) -> list[Mutant]:
    """The faults on the lines that the compiler complains about."""
    for pattern in (ERROR, CONTEXT):
        lines = set()
        for match in pattern.finditer(said):
            path = pathlib.Path(os.path.normpath(out / match["path"]))
            if path.is_relative_to(copy):
                lines.add((path.relative_to(copy).as_posix(), int(match["line"])))
        found = [
            one
            for one in chosen
            if any((one.path, line) in lines for line in range(one.line, one.end_line + 1))
        ]
        if found:
            return found
    return []
