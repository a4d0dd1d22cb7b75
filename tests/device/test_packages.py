#!/usr/bin/env python3
"""The packages for Arduino, PlatformIO, Zephyr and ESP-IDF are complete,
and compile with nothing but an Arm compiler.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOARDS = ROOT / "firmware"
sys.path[:0] = [str(ROOT / folder) for folder in ("firmware", "packages")]
import emulator  # noqa: E402  found through the line above
import make_packages  # noqa: E402

SOURCE_SUFFIXES = {".cc", ".cpp"}
# Ecosystem -> a core that its users have; the compiler's flags.
CORES = {
    "arduino": ["-mcpu=cortex-m0plus"],
    "platformio": ["-mcpu=cortex-m3"],
    "zephyr": ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    "esp-idf": ["-mcpu=cortex-m55", "-mfloat-abi=hard"],
}

PRODUCT_OF = "zephyr"
# A product in C: the model as `sotto image compile --c-array` writes it, a picture of stripes in each
# direction, and the number of wrong answers as the exit code.
PROGRAM = """
#include <string.h>
#include "stripes.c"
#include "pictures.inc"
static uint8_t arena[stripes_arena_bytes] __attribute__((aligned(SOTTO_ALIGNMENT)));
int main(void) {
  sotto_model* model;
  if (sotto_model_open(stripes, sizeof stripes, arena, sizeof arena, &stripes_kernels, &model) != SOTTO_OK)
    return 100;
  int wrong = 0;
  for (int direction = 0; direction < 4; ++direction) {
    memcpy(sotto_model_input(model, 0).data, pictures[direction], sizeof pictures[direction]);
    if (sotto_model_invoke(model) != SOTTO_OK) return 101;
    const int8_t* scores = sotto_model_output(model, 0).data;
    for (int other = 0; other < 4; ++other) wrong += scores[other] > scores[direction];
  }
  return wrong;
}
"""


def sources_present(package: pathlib.Path) -> set[str]:
    return {path.relative_to(package).as_posix() for path in package.rglob("*")
            if path.suffix in SOURCE_SUFFIXES}


def sources_listed(ecosystem: str, package: pathlib.Path) -> set[str]:
    """What the manifest makes the ecosystem compile."""
    if ecosystem == "arduino":  # all below src/
        return {name for name in sources_present(package) if name.startswith("src/")}
    if ecosystem == "platformio":
        filters = json.loads((package / "library.json").read_text())["build"]["srcFilter"]
        return {"src/" + entry[2:-1] for entry in filters if entry.startswith("+<")}
    manifest = "zephyr/CMakeLists.txt" if ecosystem == "zephyr" else "CMakeLists.txt"
    names = re.findall(r"[\w./-]+\.cc\b", (package / manifest).read_text())
    return {name.removeprefix("../") for name in names}


def include_directories(ecosystem: str, package: pathlib.Path) -> list[pathlib.Path]:
    return [package / "src"] if ecosystem == "arduino" else [package / "include", package / "src"]


def expected_sources(ecosystem: str) -> set[str]:
    suffix = ".cpp" if ecosystem == "arduino" else ".cc"
    return {f"src/{pathlib.PurePosixPath(name).with_suffix(suffix)}" for name in make_packages.sources()}


def manifest_problems(ecosystem: str, package: pathlib.Path) -> list[str]:
    listed, present, expected = sources_listed(ecosystem,
                                               package), sources_present(package), expected_sources(ecosystem)
    problems = [f"{name} is in the runtime and not in the package" for name in sorted(expected - present)]
    problems += [f"{name} is in the runtime and the manifest does not list it"
                 for name in sorted(expected - listed)]
    problems += [f"{name} is listed and absent" for name in sorted(listed - present)]
    problems += [f"{name} is no part of the runtime" for name in sorted(present - expected)]
    # What boards run includes nothing of base; a header that does is the host's.
    problems += [f"{path.relative_to(package)} is the host's"
                 for path in sorted(package.rglob("sotto/base/*.h"))]
    for path in sorted(package.rglob("*")):
        if path.suffix not in SOURCE_SUFFIXES | {".h"}:
            continue
        for included in make_packages.INCLUDE.findall(path.read_text()):
            if not any((directory / included).is_file()
                       for directory in include_directories(ecosystem, package)):
                problems.append(f"{path.relative_to(package)} includes '{included}', "
                                f"which is not in the package")
    return problems


def compile_problems(ecosystem: str, package: pathlib.Path, names: set[str]) -> str:
    """The compiler's complaints about these sources,
    with the package's include directories and no others of the project."""
    command = ["arm-none-eabi-g++", "-std=gnu++20", "-fsyntax-only", "-mthumb", *CORES[ecosystem],
               "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror",
               *(f"-I{directory}" for directory in include_directories(ecosystem, package)),
               *(str(package / name) for name in sorted(names))]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode != 0 else ""


def write_product(folder: pathlib.Path, sotto: str) -> None:
    """PROGRAM and what it includes."""
    subprocess.run([sys.executable, "-B", ROOT / "examples" / "tiny_model" / "make_model.py",
                    "stripes.tflite", "pictures"],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sotto, "image", "compile", "stripes.tflite", "-o", "stripes.c", "--c-array", "--target",
                    "cortex-m-dsp"],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)
    pictures = (folder / "pictures").read_bytes()[:4 * 256]
    rows = ",\n".join("{" + ",".join(str(pixel) for pixel in pictures[at:at + 256]) + "}"
                      for at in range(0, len(pictures), 256))
    (folder / "pictures.inc").write_text(f"static const uint8_t pictures[4][256] = {{\n{rows}}};\n")
    (folder / "product.c").write_text(PROGRAM)


def link_product(folder: pathlib.Path, package: pathlib.Path) -> None:
    """product.elf from PROGRAM, the package's sources and a board's start-up code."""
    flags = ["-O2", "-mthumb", *CORES[PRODUCT_OF], "-ffunction-sections", "-Wall", "-Wextra", "-Werror",
             *(f"-I{at}" for at in include_directories(PRODUCT_OF, package))]
    board = [BOARDS / "src" / name for name in ("start.cc", "board_mps2.cc", "semihosting.cc", "console.cc")]
    sources = [package / name for name in sorted(sources_listed(PRODUCT_OF, package))]
    subprocess.run(["arm-none-eabi-gcc", "-std=c11", *flags, "-c", "product.c"], cwd=folder, check=True)
    subprocess.run(["arm-none-eabi-g++", "-std=gnu++20", "-fno-exceptions", "-fno-rtti", *flags,
                    f"-I{BOARDS.parent}",
                    *sources, *board, "product.o", "-nostartfiles", "-Wl,--gc-sections",
                    f"-L{BOARDS / 'linker'}", "-Tmps2.ld", "-o", "product.elf"], cwd=folder, check=True)


class Packages(unittest.TestCase):
    def each_package(self, check):
        for ecosystem in make_packages.ECOSYSTEMS:
            with tempfile.TemporaryDirectory() as directory, self.subTest(ecosystem=ecosystem):
                check(ecosystem, make_packages.make(ecosystem, pathlib.Path(directory)))

    def test_manifests_list_every_source_and_every_include_is_inside(self):
        self.each_package(lambda ecosystem, package: self.assertEqual(manifest_problems(ecosystem, package),
                                                                      []))

    def test_sources_compile_for_a_core_with_the_package_alone(self):
        def check(ecosystem, package):
            if ecosystem != PRODUCT_OF:  # whose program below is made of all of them
                self.assertEqual(compile_problems(ecosystem, package, sources_listed(ecosystem, package)), "")

        self.each_package(check)

    def test_the_interface_is_c(self):
        def check(ecosystem, package):
            program = '#include "sotto/device_runtime/sotto_device.h"\nint main(void) { return SOTTO_OK; }\n'
            command = ["arm-none-eabi-gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x",
                       "c", f"-I{include_directories(ecosystem, package)[0]}", "-"]
            done = subprocess.run(command, input=program, text=True, capture_output=True, check=False)
            self.assertEqual(done.stderr, "")

        self.each_package(check)

    def test_a_program_made_of_a_package_answers_on_a_board(self):
        sotto = os.environ.get("SOTTO_BINARY")
        if sotto is None:
            self.skipTest("SOTTO_BINARY names no `sotto`: this build has none, it is without gRPC")
        with tempfile.TemporaryDirectory() as directory:
            folder = pathlib.Path(directory)
            package = make_packages.make(PRODUCT_OF, folder)
            write_product(folder, sotto)
            link_product(folder, package)
            run = subprocess.run(["qemu-system-arm", "-machine", "mps2-an386", "-display", "none",
                                  "-monitor", "none",
                                  "-serial", "none", "-semihosting-config", "enable=on,target=native",
                                  "-kernel",
                                  folder / "product.elf"], stdin=subprocess.DEVNULL, timeout=60, check=False)
            self.assertEqual(run.returncode, 0, "wrong answers, or 100: not opened, 101: not run")

    def test_what_is_missing_is_noticed(self):
        def check(ecosystem, package):
            lost = sorted(sources_listed(ecosystem, package))[0]
            content = (package / lost).read_text()
            (package / lost).unlink()
            self.assertIn(lost, " ".join(manifest_problems(ecosystem, package)))
            (package / lost).write_text(content)

            header = make_packages.INCLUDE.findall(content)[0]
            for directory in include_directories(ecosystem, package):
                (directory / header).unlink(missing_ok=True)
            self.assertIn(f"'{header}'", " ".join(manifest_problems(ecosystem, package)))
            self.assertIn(header, compile_problems(ecosystem, package, {lost}))

            (package / "src" / f"forgotten{pathlib.PurePosixPath(lost).suffix}").write_text("")
            self.assertIn("forgotten", " ".join(manifest_problems(ecosystem, package)))

        self.each_package(check)


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
