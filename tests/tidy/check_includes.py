#!/usr/bin/env python3
"""Which module may include which, where third-party headers may appear, and where a clock may be read."""
import pathlib
import re
import sys

import house
import tree

# module -> modules it may include (besides itself), as ARCHITECTURE.md says.
HOUSE = house.read(house.DOCUMENT.read_text())
MAY_INCLUDE = HOUSE.may_include

# Third-party headers -> path prefixes where they may appear. Tests
# and benchmarks of those places are named one by one.
THIRD_PARTY = [
    # sotto/proto/convert.h is public and shows the generated messages: the one such header.
    (re.compile(r"grpc|google/protobuf/|.*\.pb\.h$|sotto/proto/convert\.h$"), "gRPC and protobuf",
     ("proto/src/wire/", "proto/include/sotto/proto/convert.h", "server/src/rpc/", "server/src/mask_helper/",
      "client/src/grpc/", "tests/unit/proto/", "tests/unit/server/",
      "tests/unit/client/", "tests/system/", "tests/fuzz/", "bench/")),
    (re.compile(r"absl/"), "absl", ("proto/src/wire/", "tests/unit/proto/")),
    (re.compile(r"openssl/"), "OpenSSL",
     ("crypto/src/openssl/", "hosting/src/tls/", "client/src/grpc/tls_probe", "tests/unit/crypto/",
      "tests/unit/server/", "tests/unit/hosting/", "tests/unit/client/", "tests/system/", "bench/")),
    (re.compile(r"bearssl\.h"), "BearSSL", ("crypto/src/bearssl/",)),
    (re.compile(r"sqlite3"), "SQLite", ("hosting/src/sqlite/", "tests/unit/hosting/",
                                        "tests/unit/server/", "tests/system/")),
    (re.compile(r"(unsupported/)?Eigen/"), "Eigen",
     ("client/src/trainer/", "simulation/src/", "tests/unit/client/", "tests/unit/simulation/", "examples/")),
    (re.compile(r"spdlog/"), "spdlog", ("server/src/rpc/", "client/src/grpc/", "simulation/src/",
                                        "cli/", "tests/unit/server/", "tests/system/")),
    (re.compile(r"fmt/"), "fmt", ("aggregator/", "identity/", "hosting/", "mask-helper/", "model-compiler/",
                                  "proto/src/wire/", "server/", "client/", "simulation/", "cli/", "tests/",
                                  "bench/")),
    (re.compile(r"CLI/"), "CLI11", ("cli/",)),
    (re.compile(r"toml\+\+/|toml\.hpp"), "toml++", ("cli/",)),
    (re.compile(r"sndfile"), "libsndfile", ("simulation/src/data/", "tests/unit/simulation/")),
    (re.compile(r"nlohmann/"), "nlohmann-json",
     ("proto/src/json/", "server/src/store/", "simulation/src/", "cli/", "tests/", "bench/")),
]

# Cores are handed the time and their randomness.
CORES = ("crypto/", "proto/", "aggregator/", "mask-helper/", "device-runtime/", "model-compiler/",
         "server/include/", "server/src/coordinator/", "client/src/session/", "client/src/trainer/")
READS_CLOCK = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock|file_clock)\s*::\s*now\b"
                         r"|\b(clock_gettime|gettimeofday)\s*\(|[^\w.>]time\s*\(\s*(nullptr|NULL|0)\s*\)")
READS_DEVICE = re.compile(r"\brandom_device\b|\bstd::rand\b|\bsrand\s*\(")

# Files and addresses of this machine are for shells and programs.
READS_MACHINE = re.compile(r"sotto/host/(file|address)\.h$")
# What follows from a seed that somebody typed is no secret: whatever serves real devices cannot ask for it.
REPLAYABLE = re.compile(r"\b(SeededRandom|es256_sign_replayable)\b")
MAY_REPLAY = ("crypto/", "simulation/", "tests/", "bench/",
              "firmware/src/app/replayed_draws.h",  # orders and rounding of boards in tests, never keys
              "server/src/coordinator/initial_model.cc",  # weights that everybody may know
              "aggregator/src/recovery.cc")  # in which order public shares are tried

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCE = re.compile(r"\.(h|cc|cpp|hpp)$")
# A project of its own that uses the installed package: it sees public headers only, as any user.
PACKAGE_CONSUMER = "tests/package/consumer/"


def module_of(path: str) -> str | None:
    top = path.split("/")[0]
    return top if top in MAY_INCLUDE else None


def public_headers(paths: list[str]) -> dict[str, str]:
    """How a public header is included -> its path."""
    headers = {}
    for path in paths:
        match = re.match(r"[^/]+/include/(.+\.h)$", path)
        if match:
            headers[match.group(1)] = path
    return headers


def third_party_problem(path: str, included: str) -> str | None:
    for pattern, name, places in THIRD_PARTY:
        if pattern.match(included):
            allowed = path.startswith(places)
            return None if allowed else f"{name} is included only in {', '.join(places)}"
    return None


def private_problem(path: str, included: str, module: str, known: set[str]) -> str | None:
    """A quoted include that is not public: it must be the module's own,
    or one whose unit this is the test of."""
    here = path.rsplit("/", 1)[0]
    owners = [module]
    if path.startswith("tests/unit/"):
        owners.append(path.split("/")[2])
    # what is behind a private header is tested where it is
    if path.startswith(("tests/fuzz/", "tests/assurance/")):
        owners += [owner for owner in MAY_INCLUDE if owner != module]
    own = [f"{here}/{included}"] + [f"{owner}/{folder}{included}" for owner in owners
                                    for folder in ("src/", "")]
    for candidate in own:
        normal = pathlib.PurePosixPath(candidate)
        parts: list[str] = []
        for part in normal.parts:
            if part == "..":
                if parts:
                    parts.pop()
            else:
                parts.append(part)
        resolved = "/".join(parts)
        if resolved in known:
            if parts[0] in owners or parts[0] == module:
                return None
            return f"'{included}' climbs into {parts[0]}; include its public header"
    elsewhere = [other for other in known if other.endswith(f"/src/{included}")]
    if elsewhere:
        return f"'{included}' is private to {elsewhere[0].split('/')[0]} ({elsewhere[0]})"
    return f"'{included}' is no public header, and none of {module}'s own"


def include_problem(path: str, bracket: str, included: str, known: set[str],
                    public: dict[str, str]) -> str | None:
    module = module_of(path)
    problem = third_party_problem(path, included)
    if problem or included.endswith(".pb.h"):
        return problem
    if included in public:
        target = public[included].split("/")[0]
        if target != module and target not in MAY_INCLUDE[module]:
            return f"{module} must not include {target} ('{included}')"
        return None
    if included.startswith("sotto/"):
        return f"there is no public header '{included}'"
    if bracket == '"':
        return private_problem(path, included, module, known)
    return None


def check(root: pathlib.Path) -> list[str]:
    paths = tree.files(root)
    known = set(paths)
    public = public_headers(paths)
    problems = house.problems(HOUSE)
    for path in paths:
        if not SOURCE.search(path) or module_of(path) is None:
            continue
        for number, line in enumerate((tree.text(root, path) or "").splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                problem = include_problem(path, match.group(1), match.group(2), known, public)
                if path.startswith((*CORES, "firmware/")) and READS_MACHINE.match(match.group(2)):
                    problem = "a core does no I/O; its shell reads and writes"
                if problem and path.startswith(PACKAGE_CONSUMER) and match.group(2) in public:
                    problem = None
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
            code = line.split("//")[0]
            if path.startswith(CORES):
                if READS_CLOCK.search(code):
                    problems.append(f"{path}:{number}: a core reads a clock; take `now` as an argument")
                # The operating system's generator lives behind sotto::Random.
                if READS_DEVICE.search(code):
                    problems.append(f"{path}:{number}: a core draws its own randomness; take a Random&")
            if REPLAYABLE.search(code) and not path.startswith(MAY_REPLAY):
                problems.append(f"{path}:{number}: replayable randomness outside {', '.join(MAY_REPLAY)}")
    return problems


if __name__ == "__main__":
    sys.exit(tree.run(check, "include direction"))
