#!/usr/bin/env python3
"""Line coverage per module from the .gcda files of a build: coverage_report.py BUILD_DIRECTORY"""
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = ("base", "crypto", "proto", "aggregator", "server", "client", "simulation", "cli")


def main() -> int:
    build = pathlib.Path(sys.argv[1]).resolve()
    lines: dict[str, dict[int, int]] = collections.defaultdict(dict)
    for data in sorted(build.rglob("*.gcda")):
        run = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], cwd=build, capture_output=True,
                             text=True, check=True)
        for document in run.stdout.splitlines():
            for file in json.loads(document)["files"]:
                path = pathlib.Path(build, file["file"]).resolve()
                if not path.is_relative_to(ROOT):
                    continue
                name = str(path.relative_to(ROOT))
                if name.split("/")[0] not in MODULES:
                    continue
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[name][number] = lines[name].get(number, 0) + line["count"]
    if not lines:
        print(f"coverage: no .gcda files below {build}; run scripts/coverage", file=sys.stderr)
        return 1
    print(f"{'module':<12} {'lines':>7} {'run':>7} {'share':>7}")
    for module in MODULES:
        counts = [count for name, file in lines.items() if name.startswith(module + "/")
                  for count in file.values()]
        if counts:
            run = sum(count > 0 for count in counts)
            print(f"{module:<12} {len(counts):>7} {run:>7} {run / len(counts):>7.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
