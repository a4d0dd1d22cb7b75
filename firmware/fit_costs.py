"""Instructions of each kernel on each core, fitted to what emulated boards execute: prints the rows of
model-compiler/src/host/kernel_costs.inc. Run it anew when kernels change; SOTTO_MODELS_DIR adds the models of
MLPerf Tiny to those of tests/device/operators. `--cycles` prints the cores' cycles per instruction as well.

An operator's instructions are taken for a x multiplications + b x bytes of output + c, none negative,
by least squares in which an operator counts by its size.
"""
import argparse
import collections
import itertools
import json
import os
import pathlib
import subprocess
import tempfile

import cycles
import emulator
import measurement

OPERATOR_MODELS = emulator.ROOT / "tests" / "device" / "operators" / "models"
CORES = ("m0", "m3", "m4", "m55")


def models() -> list[pathlib.Path]:
    big = [measurement.models_directory() / name for name in measurement.MODELS.values()]
    return [path for path in big if path.exists()] + sorted(OPERATOR_MODELS.glob("*.tflite"))


def kernels(tflite: pathlib.Path, target: str) -> list[str] | None:
    """The kernels that run a model's operators; None of a model that is refused."""
    sotto = os.environ.get("SOTTO_BINARY") or measurement.newest_program("sotto")
    done = subprocess.run([sotto, "image", "inspect", tflite, "--target", target, "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return [row["kernel"] for row in json.loads(done.stdout)["operators"]] if done.returncode == 0 else None


def solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """The solution of a small system by elimination; None of a singular one."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda index: abs(rows[index][column]))
        if abs(rows[pivot][column]) < 1e-9:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for index, row in enumerate(rows):
            if index != column:
                factor = row[column] / rows[column][column]
                rows[index] = [value - factor * above for value, above in zip(row, rows[column], strict=True)]
    return [row[-1] / row[index] for index, row in enumerate(rows)]


def fitted(samples: list[tuple[int, int, int]]) -> list[float]:
    """(multiplications, bytes, instructions) of operators -> a, b, c: the best that has nothing negative."""
    weighted = [((macs / count**0.5, size / count**0.5, 1 / count**0.5), count**0.5)
                for macs, size, count in samples]
    best, best_error = [0.0, 0.0, 0.0], float("inf")
    for used in itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in (1, 2, 3)):
        matrix = [[sum(row[i] * row[j] for row, _ in weighted) for j in used] for i in used]
        found = solved(matrix, [sum(row[i] * value for row, value in weighted) for i in used])
        if found is None or min(found) < 0:
            continue
        error = sum((sum(x * row[i] for x, i in zip(found, used, strict=True)) - value) ** 2
                    for row, value in weighted)
        if error < best_error:
            best, best_error = [0.0, 0.0, 0.0], error
            for x, i in zip(found, used, strict=True):
                best[i] = x
    return best


def operators_by_kernel(core: str) -> dict[str, list[tuple[int, int, int]]]:
    board = emulator.BOARDS[core]
    found = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        image = pathlib.Path(name, "image")
        for tflite in models():
            names = kernels(tflite, board.target)
            if names is None:
                continue
            measurement.compile_model(tflite, board.target, image)
            runs = measurement.measure(board, image, None).inputs[0].operators
            for kernel, run in zip(names, runs, strict=True):
                found[kernel].append((run.macs, run.bytes, run.instructions))
    return found


def print_cycles(core: str) -> None:
    board = emulator.BOARDS[core]
    for tflite in models()[:len(measurement.MODELS)]:
        with tempfile.TemporaryDirectory() as name:
            image = pathlib.Path(name, "image")
            measurement.compile_model(tflite, board.target, image)
            mix = cycles.of_one_inference(board, cycles.CORES[core], image)
        print(f"// {core} {tflite.stem}: {mix.cycles_per_instruction:.2f} cycles an instruction, "
              f"{mix.taken / mix.instructions:.3f} of them taken branches", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", action="store_true")
    options = parser.parse_args()
    for core in CORES:
        if options.cycles:
            print_cycles(core)
        for kernel, samples in sorted(operators_by_kernel(core).items()):
            a, b, c = fitted(samples)
            print(f'{{k{core.upper()}, "{kernel}", {a:.3f}, {b:.2f}, {c:.0f}}},', flush=True)


if __name__ == "__main__":
    main()
