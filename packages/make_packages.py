#!/usr/bin/env python3
"""Packages of the device runtime for the ecosystems that its users live in, and one of everything that a
board of a fleet needs.

make_packages.py [arduino|platformio|zephyr|esp-idf|arduino-fleet ...] [--output DIRECTORY]
Each lands in DIRECTORY/<ecosystem>/, replacing what was there; build/packages is the default.
"""
import argparse
import json
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNTIME = ROOT / "device-runtime"
SUMMARY = "int8 neural networks on microcontrollers, in one fixed arena"
FLEET_SUMMARY = "boards that learn together: models whose last layer learns in secure rounds"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def version() -> str:
    return (ROOT / "VERSION").read_text().strip()


def sources() -> list[str]:
    """What boards compile, relative to device-runtime/src:
    the list of the target device_runtime, the only one there is."""
    text = re.sub(r"#.*", "", (RUNTIME / "CMakeLists.txt").read_text())
    listed = re.search(r"sotto_library\(device_runtime\s+SOURCES(.*?)(PUBLIC|PRIVATE|\))", text, re.DOTALL)
    found = [name.removeprefix("src/") for name in listed.group(1).split()] if listed else []
    if not found:
        sys.exit("make_packages: device-runtime/CMakeLists.txt has no sotto_library(device_runtime SOURCES "
                 "...) to take them from")
    return found


def public_headers() -> list[str]:
    """What firmware includes, as it is included. Below kernels/ is what only kernels
    and the model compiler share."""
    directory = RUNTIME / "include"
    return sorted(path.relative_to(directory).as_posix()
                  for path in (directory / "sotto" / "device_runtime").glob("*.h"))


def find_header(included: str) -> tuple[str, pathlib.Path] | None:
    """Where an included header goes in a package, "include" or "src", and where it is in the tree."""
    for place, directory in (("include", RUNTIME / "include"), ("src", RUNTIME / "src"),
                             ("include", ROOT / "base" / "include")):
        if (directory / included).is_file():
            return place, directory / included
    return None


def all_headers() -> dict[str, tuple[str, pathlib.Path]]:
    """Every header that the sources and the public headers reach:
    as it is included -> find_header() of it."""
    pending = [RUNTIME / "src" / name for name in sources()]
    found = {name: find_header(name) for name in public_headers()}
    pending += [path for _, path in found.values()]
    while pending:
        path = pending.pop()
        for included in INCLUDE.findall(path.read_text()):
            header = find_header(included)
            if header is None:
                sys.exit(f"make_packages: {path.relative_to(ROOT)} includes '{included}', "
                         f"which no package could have")
            if included not in found:
                found[included] = header
                pending.append(header[1])
    return found


def copy_tree(package: pathlib.Path, headers: str, suffix: str) -> list[str]:
    """Copies sources to src/ and public headers to `headers`; returns the sources' names below src/."""
    names = []
    for name in sources():
        target = package / "src" / pathlib.PurePosixPath(name).with_suffix(suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RUNTIME / "src" / name, target)
        names.append(target.relative_to(package / "src").as_posix())
    for included, (place, path) in all_headers().items():
        target = package / (headers if place == "include" else "src") / included
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "LICENSE", package / "LICENSE")
    return names


def write(package: pathlib.Path, name: str, text: str) -> None:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def cmake_list(names: list[str], prefix: str) -> str:
    return "\n".join(f"  {prefix}{name}" for name in names)


def make_arduino(package: pathlib.Path) -> None:
    # Arduino compiles all below src/, has src/ as its only include directory,
    # and knows .cpp as the suffix of C++.
    copy_tree(package, "src", ".cpp")
    write(package, "library.properties", f"""name=Sotto
version={version()}
author=The Sotto authors
maintainer=The Sotto authors
sentence={SUMMARY}
paragraph=Runs images that `sotto image compile` makes of .tflite files. No heap. Needs -std=gnu++20.
category=Data Processing
url=
license=Apache-2.0
architectures=*
includes=Sotto.h
""")
    write(package, "src/Sotto.h", "".join(f'#include "{name}"\n' for name in public_headers()))
    write(package, "keywords.txt", "sotto_model_open\tKEYWORD2\nsotto_model_invoke\tKEYWORD2\n")


def make_platformio(package: pathlib.Path) -> None:
    names = copy_tree(package, "include", ".cc")
    manifest = {
        "name": "Sotto", "version": version(), "description": SUMMARY, "license": "Apache-2.0",
        "frameworks": "*", "platforms": "*", "headers": public_headers(),
        "build": {
            "includeDir": "include", "srcDir": "src",
            "srcFilter": ["-<*>"] + [f"+<{name}>" for name in names],
            "flags": ["-std=gnu++20", "-I src"], "unflags": ["-std=gnu++11", "-std=gnu++14", "-std=gnu++17"],
        },
    }
    write(package, "library.json", json.dumps(manifest, indent=2) + "\n")


def make_zephyr(package: pathlib.Path) -> None:
    names = copy_tree(package, "include", ".cc")
    write(package, "zephyr/module.yml", "name: sotto\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n")
    write(package, "zephyr/Kconfig", f"""config SOTTO
\tbool "Sotto device runtime"
\tdepends on CPP
\tselect REQUIRES_FULL_LIBCPP
\thelp
\t  {SUMMARY[0].upper() + SUMMARY[1:]}.
""")
    write(package, "zephyr/CMakeLists.txt", f"""if(CONFIG_SOTTO)
zephyr_include_directories(../include)
zephyr_library_named(sotto)
zephyr_library_include_directories(../src)
zephyr_library_compile_options($<$<COMPILE_LANGUAGE:CXX>:-std=gnu++20>)
zephyr_library_sources(
{cmake_list(names, "../src/")}
)
endif()
""")


def make_esp_idf(package: pathlib.Path) -> None:
    names = copy_tree(package, "include", ".cc")
    write(package, "idf_component.yml", f"""version: "{version()}"
description: "{SUMMARY}"
license: "Apache-2.0"
dependencies:
  idf: ">=5.0"
""")
    write(package, "CMakeLists.txt", f"""idf_component_register(
  SRCS
{cmake_list(names, "src/")}
  INCLUDE_DIRS include
  PRIV_INCLUDE_DIRS src)
target_compile_options(${{COMPONENT_LIB}} PRIVATE -std=gnu++20)
""")


# ---- the library SottoFleet: a board's application with everything below it ----

BEARSSL = ROOT / "build" / "bearssl" / "source"
# Where an include of the application, or of what is below it, may lead.
FLEET_HEADERS = [ROOT / module / folder for module in ("base", "crypto", "proto", "device-runtime")
                 for folder in ("include", "src")] + [ROOT / "firmware" / "src"]


def listed_in_cmake(file: str, pattern: str) -> list[str]:
    text = re.sub(r"#.*", "", (ROOT / file).read_text())
    listed = re.search(pattern, text, re.DOTALL)
    if not listed:
        sys.exit(f"make_packages: {file} has nothing like {pattern}")
    return re.findall(r"[\w${}/.-]+\.(?:cc|c)\b", listed.group(1))


def fleet_sources() -> list[pathlib.Path]:
    """What boards compile of each module, by the lists of their CMakeLists.txt."""
    lists = [("crypto", r"if\(SOTTO_DEVICE_CORE\)\s+sotto_library\(crypto SOURCES(.*?)PUBLIC"),
             ("crypto", r"sotto_library\(crypto_bearssl\s+SOURCES(.*?)PUBLIC"),
             ("crypto", r"sotto_library\(secagg\s+SOURCES(.*?)PUBLIC"),
             ("proto", r"if\(SOTTO_DEVICE_CORE\)\s+sotto_library\(proto\s+SOURCES(.*?)PUBLIC"),
             ("device-runtime", r"sotto_library\(model_update\s+SOURCES(.*?)PUBLIC"),
             ("firmware", r"set\(portable_application(.*?)src/check_failed")]
    return [ROOT / module / name for module, pattern in lists
            for name in listed_in_cmake(f"{module}/CMakeLists.txt", pattern)]


def bearssl_sources() -> list[str]:
    """Of both kinds of cores that cmake/BearSsl.cmake tells apart: what one does not use is not linked."""
    text = (ROOT / "cmake" / "BearSsl.cmake").read_text()
    operations = re.search(r"IN ITEMS (.*?)\)", text, re.DOTALL).group(1).split()
    found = []
    for bits, poly1305 in ((31, "ctmul"), (15, "ctmul32")):
        words = {"bearssl_words": f"i{bits}", "bearssl_multiplier": f"m{bits}", "bearssl_bits": str(bits),
                 "bearssl_poly1305": poly1305}
        names = listed_in_cmake("cmake/BearSsl.cmake", r"set\(bearssl_sources(.*?)\nforeach")
        names += [f"int/${{bearssl_words}}_{operation}.c" for operation in operations]
        for name in names:
            found.append(re.sub(r"\$\{(\w+)\}", lambda match, words=words: words[match.group(1)], name))
    return sorted(set(found))


def find_fleet_header(included: str, near: pathlib.Path) -> tuple[pathlib.PurePosixPath, pathlib.Path]:
    """Where a header goes below src/, and where it is."""
    for directory in (near.parent, *FLEET_HEADERS):
        path = directory / included
        if path.is_file():
            base = next(place for place in FLEET_HEADERS if place in path.parents)
            return pathlib.PurePosixPath(path.relative_to(base).as_posix()), path
    sys.exit(f"make_packages: {near.relative_to(ROOT)} includes '{included}', which no package could have")


def copy_fleet(package: pathlib.Path) -> None:
    wanted = []
    for path in fleet_sources():
        module, _, *rest = path.relative_to(ROOT).parts
        # Sources of the application find their neighbours by name, so they go where these go.
        wanted.append((pathlib.PurePosixPath(*([] if module == "firmware" else [module]), *rest), path))
    # What a sketch includes.
    for header in ("app/application.h", "app/profile.h", "app/samples.h"):
        wanted.append(find_fleet_header(header, ROOT / "firmware" / "src" / "start.cc"))
    seen = set()
    while wanted:
        place, path = wanted.pop()
        if place in seen:
            continue
        seen.add(place)
        text = path.read_text()
        wanted += [find_fleet_header(included, path) for included in INCLUDE.findall(text)
                   if included != "sotto/crypto/openssl_sizes.h"]
        target = package / "src" / (place.with_suffix(".cpp") if place.suffix == ".cc" else place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def make_arduino_fleet(package: pathlib.Path) -> None:
    if not (BEARSSL / "inc" / "bearssl.h").exists():
        sys.exit("make_packages: the source of BearSSL is missing; run scripts/fetch-bearssl")
    make_arduino(package)
    copy_fleet(package)
    # An Arduino library has no definitions of its own: the header that chooses the cryptography has chosen.
    write(package, "src/sotto/crypto/backend.h",
          '#pragma once\n#include "sotto/crypto/bearssl_sizes.h"\n')
    find, sizes = find_fleet_header("sotto/crypto/bearssl_sizes.h", ROOT / "crypto" / "src" / "x")
    shutil.copyfile(sizes, package / "src" / find)
    for name in bearssl_sources():
        target = package / "src" / "bearssl_sources" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BEARSSL / "src" / name, target)
    for header in [*(BEARSSL / "inc").glob("*.h"), BEARSSL / "src" / "inner.h", BEARSSL / "src" / "config.h"]:
        shutil.copyfile(header, package / "src" / header.name)
    shutil.copyfile(BEARSSL / "LICENSE.txt", package / "LICENSE.bearssl")
    write(package, "src/check_failed.cpp", """#include "sotto/base/check.h"

// A bug: nothing may go on. A watchdog starts the board anew.
[[gnu::weak]] void sotto::check_failed(const char*, const char*, int) {
  for (;;) {
  }
}
""")
    write(package, "src/SottoFleet.h", '#include "app/application.h"\n#include "app/profile.h"\n'
          '#include "app/samples.h"\n')
    properties = (package / "library.properties").read_text()
    properties = properties.replace("name=Sotto\n", "name=SottoFleet\n").replace(
        "includes=Sotto.h", "includes=SottoFleet.h").replace(SUMMARY, FLEET_SUMMARY)
    write(package, "library.properties", properties)
    shutil.copytree(ROOT / "packages" / "arduino", package / "examples")


# Ecosystem -> what makes its package, and the folder's name, which is the library's name there.
ECOSYSTEMS = {
    "arduino": (make_arduino, "Sotto"),
    "platformio": (make_platformio, "Sotto"),
    "zephyr": (make_zephyr, "sotto"),
    "esp-idf": (make_esp_idf, "sotto"),
}
# The same, of the application.
FLEET = {"arduino-fleet": (make_arduino_fleet, "SottoFleet")}


def make(ecosystem: str, output: pathlib.Path) -> pathlib.Path:
    maker, folder = (ECOSYSTEMS | FLEET)[ecosystem]
    package = output / ecosystem / folder
    if package.exists():
        shutil.rmtree(package)
    maker(package)
    return package


def main() -> int:
    parser = argparse.ArgumentParser(description="Packages of the device runtime.")
    parser.add_argument("ecosystem", nargs="*",
                        help=f"{', '.join(ECOSYSTEMS | FLEET)}; all but the last when none is named")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "packages")
    options = parser.parse_args()
    for ecosystem in options.ecosystem:
        if ecosystem not in ECOSYSTEMS | FLEET:
            parser.error(f"'{ecosystem}' is none of {', '.join(ECOSYSTEMS | FLEET)}")
    for ecosystem in options.ecosystem or ECOSYSTEMS:
        print(make(ecosystem, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
