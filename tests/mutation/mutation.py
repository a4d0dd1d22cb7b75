#!/usr/bin/env python3
"""Plants single faults by rule in the modules' sources, and counts those that the tests notice."""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import sys

import build
import measure
import plant
import report
from rules import Mutant

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = "tests/mutation"
ROUNDS_MAX = 40  # of withdrawing what does not compile
PLANTED_MIN = 400
PER_MODULE = 40
TIMES = {"crypto": 2}  # where most depends on it


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the tree")
    parser.add_argument(
        "--work", type=pathlib.Path, help="where the copy and its build go (default: build/mutation)"
    )
    parser.add_argument("--seed", default="sotto", help="chooses among the possible faults")
    parser.add_argument("--per-module", type=int, default=PER_MODULE, help="faults of one module")
    parser.add_argument("--module", action="append", help="build and test these modules only")
    parser.add_argument("--survivors", action="store_true", help="test again only what survived the last run")
    parser.add_argument("--list", action="store_true", help="print the chosen faults and stop")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


class Session:
    def __init__(self, options: argparse.Namespace):
        self.options, self.root = options, options.root.resolve()
        self.work = (options.work or self.root / "build/mutation").resolve()
        self.copy, self.out = self.work / "tree", self.work / "out"
        self.work.mkdir(parents=True, exist_ok=True)
        self.withdrawn_file = self.work / "withdrawn.json"
        kept = self.withdrawn_file
        self.withdrawn: set[str] = set(json.loads(kept.read_text())) if kept.is_file() else set()

    def choose(self) -> dict[str, list[Mutant]]:
        build.configure(self.root, self.work / "targets", None)
        model = build.model_of(self.root, self.work / "targets", None)
        self.tree = plant.read_tree(self.root)
        self.found, self.parsed = plant.candidates(self.root, model.sources)
        return self.choose_again()

    def choose_again(self) -> dict[str, list[Mutant]]:
        chosen = {
            module: plant.choose(found, self.count_of(module), self.options.seed, self.withdrawn)
            for module, found in self.found.items()
        }
        plant.give_numbers([mutant for mutants in chosen.values() for mutant in mutants])
        return chosen

    def count_of(self, module: str) -> int:
        return self.options.per_module * TIMES.get(module, 1)

    def write(self, chosen: dict[str, list[Mutant]]) -> None:
        by_file: dict[str, list[Mutant]] = {}
        for mutants in chosen.values():
            for mutant in mutants:
                by_file.setdefault(mutant.path, []).append(mutant)
        texts = {path: plant.planted(self.parsed[path], mutants) for path, mutants in by_file.items()}
        plant.write_copy(self.tree, self.copy, texts)

    def build_copy(
        self, chosen: dict[str, list[Mutant]]
    ) -> tuple[dict[str, list[Mutant]], list[build.Program]]:
        """Builds until the compiler refuses nothing more; others take the places of those withdrawn."""
        for _ in range(ROUNDS_MAX):
            self.write(chosen)
            prefix = build.write_prefix(self.work / "prefix", self.copy / HERE / "mutant.h")
            build.configure(self.copy, self.out, prefix)
            model = build.model_of(self.copy, self.out, self.options.module)
            said = build.compile_all(self.out, model, self.options.jobs)
            if not said:
                return chosen, model.programs
            everything = [mutant for mutants in chosen.values() for mutant in mutants]
            refused = build.refused(said, self.copy, self.out, everything)
            if not refused:
                raise SystemExit(
                    f"mutation: the copy does not build, and no planted fault explains it:\n{said[-4000:]}"
                )
            print(f"withdrawn, because the compiler refuses them: {len(refused)}", flush=True)
            self.withdrawn |= {mutant.key for mutant in refused}
            self.withdrawn_file.write_text(json.dumps(sorted(self.withdrawn), indent=1))
            chosen = self.choose_again()
        raise SystemExit(f"mutation: the copy does not build after {ROUNDS_MAX} rounds of withdrawing faults")

    def stamp(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(plant.files(self.copy)):
            if not path.endswith((".md", ".txt", ".py")) or path.endswith("CMakeLists.txt"):
                digest.update(path.encode() + b"\0" + (self.copy / path).read_bytes())
        return digest.hexdigest()

    def judge_all(
        self, chosen: dict[str, list[Mutant]], programs: list[build.Program]
    ) -> dict[str, measure.Outcome]:
        data = {
            name: os.environ.get(name, str(self.root.parent / default))
            for name, default in (("SOTTO_DATA_DIR", "shared/data"), ("SOTTO_MODELS_DIR", "shared/models"))
        }
        runner = measure.Runner(self.work, data)
        cases = [case for program in programs for case in measure.reach(runner, program, self.options.jobs)]
        print(f"{len(cases)} tests pass without a fault", flush=True)
        results = measure.Results(self.work / "results.jsonl", self.stamp())
        waiting = []
        for module, mutants in chosen.items():
            for mutant in mutants:
                last = results.last.get(mutant.key)
                if self.options.survivors and last and last.noticed_by:
                    results.add(mutant.key, last)
                if mutant.key not in results.outcomes:
                    waiting.append((module, mutant))

        def judge(item: tuple[str, Mutant]) -> tuple[str, measure.Outcome]:
            return item[1].key, measure.judge(runner, item[1], item[0], cases)

        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for done, (key, outcome) in enumerate(pool.map(judge, waiting), 1):
                results.add(key, outcome)
                if done % 50 == 0:
                    print(f"{done} of {len(waiting)} faults", flush=True)
        return results.outcomes


def main() -> int:
    options = arguments()
    session = Session(options)
    chosen = session.choose()
    if options.module:
        unknown = set(options.module) - set(chosen)
        if unknown:
            raise SystemExit(
                f"mutation: no module {', '.join(sorted(unknown))}; there are {', '.join(chosen)}"
            )
    if options.list:
        for module, mutants in chosen.items():
            for mutant in sorted(mutants, key=lambda one: (one.path, one.line)):
                print(f"{mutant.path}:{mutant.line}: {mutant.name}")
        return 0
    chosen, programs = session.build_copy(chosen)
    if options.module:
        chosen = {module: mutants for module, mutants in chosen.items() if module in options.module}
    outcomes = session.judge_all(chosen, programs)
    table = report.Report(chosen, outcomes, report.read_list(session.root / HERE / "survivors.txt"))
    print(table.text())
    (session.work / "table.txt").write_text(table.text() + "\n")
    planted = sum(row.planted for row in table.rows)
    if not options.module and planted < PLANTED_MIN:
        print(f"{planted} faults; at least {PLANTED_MIN} must be planted")
        return 1
    return 1 if table.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
