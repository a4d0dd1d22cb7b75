"""Runs the tests on each fault: those that reach its place, its own module's first, until one notices."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time

from build import Program
from rules import Mutant

REACHED_BYTES = 65536  # kMutantsMax of mutant.h
MEMORY_MAX = 4 << 30
SLOW_SECONDS = 0.2  # tests above it wait until the quick ones of a program have noticed nothing
FILTER_MAX = 400  # tests of one run


@dataclasses.dataclass
class Case:
    program: Program
    name: str
    seconds: float = 0.0
    reached: frozenset[int] = frozenset()


@dataclasses.dataclass
class Outcome:
    """noticed_by: "own" or "other" tests, or "" when it survived; how: failed, hung; reached by any test."""

    noticed_by: str
    how: str
    reached: bool


class Runner:
    def __init__(self, work: pathlib.Path, data: dict[str, str], patience: float = 5.0):
        """A test hangs when it takes `patience` seconds and ten times what it took without a fault."""
        self.work, self.data, self.patience = work, data, patience
        (work / "scratch").mkdir(parents=True, exist_ok=True)

    def run(self, command: list[str], limit: float, extra: dict[str, str]) -> tuple[str, float]:
        """ok, failed or hung, and the seconds it took. What the test leaves behind is removed."""
        scratch = tempfile.mkdtemp(dir=self.work / "scratch")
        environment = {**os.environ, **self.data, "TMPDIR": scratch, "TEST_TMPDIR": scratch, **extra}
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_bounded,
        )
        try:
            code = process.wait(limit)
            verdict = "ok" if code == 0 else "failed"
        except subprocess.TimeoutExpired:
            verdict = "hung"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            shutil.rmtree(scratch, ignore_errors=True)
        return verdict, time.monotonic() - began


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))


def names_of(program: Program) -> list[str]:
    """Every test of a GoogleTest program, as a filter names it."""
    listed = subprocess.run(
        [str(program.path), "--gtest_list_tests"], capture_output=True, text=True, check=True
    ).stdout
    names, suite = [], ""
    for line in listed.splitlines():
        text = line.split("#")[0].rstrip()
        if text.startswith("  "):
            names.append(suite + text.strip())
        elif text.endswith("."):
            suite = text
    return names


def reach(runner: Runner, program: Program, jobs: int) -> list[Case]:
    """Runs every test alone without a fault and notes what it reaches. Each must pass, and all together."""
    digest = hashlib.sha256(program.path.read_bytes()).hexdigest()
    notes = runner.work / "reach" / f"{program.name}.json"
    if notes.is_file():
        kept = json.loads(notes.read_text())
        if kept["digest"] == digest:
            return [
                Case(program, name, seconds, frozenset(reached)) for name, seconds, reached in kept["cases"]
            ]

    def one(name: str) -> Case:
        with tempfile.NamedTemporaryFile(dir=runner.work / "scratch") as file:
            file.truncate(REACHED_BYTES)
            verdict, seconds = runner.run(
                [str(program.path), f"--gtest_filter={name}"], 600, {"SOTTO_MUTANT_REACHED": file.name}
            )
            if verdict != "ok":
                raise SystemExit(f"mutation: {program.name} {name} {verdict} without any fault")
            content = pathlib.Path(file.name).read_bytes()
        return Case(program, name, seconds, frozenset(number for number, byte in enumerate(content) if byte))

    verdict, _ = runner.run([str(program.path)], 1200, {})
    if verdict != "ok":
        raise SystemExit(f"mutation: {program.name} {verdict} without any fault")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        cases = list(pool.map(one, names_of(program)))
    notes.parent.mkdir(exist_ok=True)
    notes.write_text(
        json.dumps(
            {"digest": digest, "cases": [(case.name, case.seconds, sorted(case.reached)) for case in cases]}
        )
    )
    return cases


def batches(cases: list[Case]) -> list[list[Case]]:
    """Program by program, the quick tests of one together, then the slow ones from the quickest."""
    result: list[list[Case]] = []
    quick: dict[str, list[Case]] = {}
    for case in cases:
        if case.seconds < SLOW_SECONDS:
            quick.setdefault(case.program.name, []).append(case)
    for some in quick.values():
        some.sort(key=lambda case: case.seconds)
        result += [some[start : start + FILTER_MAX] for start in range(0, len(some), FILTER_MAX)]
    result += [
        [case] for case in sorted(cases, key=lambda case: case.seconds) if case.seconds >= SLOW_SECONDS
    ]
    return result


def judge(runner: Runner, mutant: Mutant, module: str, cases: list[Case]) -> Outcome:
    reaching = [case for case in cases if mutant.number in case.reached]
    for by in ("own", "other"):
        of_them = [case for case in reaching if (case.program.module == module) == (by == "own")]
        for batch in batches(of_them):
            command = [
                str(batch[0].program.path),
                "--gtest_fail_fast",
                "--gtest_brief=1",
                "--gtest_filter=" + ":".join(case.name for case in batch),
            ]
            limit = runner.patience + 10 * sum(case.seconds for case in batch)
            verdict, _ = runner.run(command, limit, {"SOTTO_MUTANT": str(mutant.number)})
            if verdict != "ok":
                return Outcome(by, verdict, True)
    return Outcome("", "", bool(reaching))


class Results:
    """Outcomes on disk, one line each as they come, so that a run that was stopped goes on where it was."""

    def __init__(self, path: pathlib.Path, stamp: str):
        self.path, self.stamp = path, stamp
        self.outcomes: dict[str, Outcome] = {}  # of this tree
        self.last: dict[str, Outcome] = {}  # the newest, of whatever tree
        lines = path.read_text().splitlines() if path.is_file() else []
        for line in map(json.loads, lines):
            outcome = Outcome(**line["outcome"])
            self.last[line["key"]] = outcome
            if line["stamp"] == stamp:
                self.outcomes[line["key"]] = outcome

    def add(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        with self.path.open("a") as file:
            line = {"stamp": self.stamp, "key": key, "outcome": dataclasses.asdict(outcome)}
            file.write(json.dumps(line) + "\n")
