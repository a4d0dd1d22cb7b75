#!/usr/bin/env python3
"""Makes models/: for every case a .tflite,
and as .inputs and .outputs what the official interpreter answers. See README.md.

Needs TensorFlow (requirements.txt), which nothing else here does; its output is committed.
"""
import os
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import argparse
import pathlib
import sys

import operator_cases
import operator_models

HERE = pathlib.Path(__file__).resolve().parent


def make(name: str, folder: pathlib.Path) -> str | None:
    refused = name in operator_cases.REFUSED
    case = (operator_cases.REFUSED if refused else operator_cases.CASES)[name]
    model = operator_models.convert(case)
    operators, inputs, outputs = operator_models.run_model(model, case.reference and not refused)
    (folder / f"{name}.tflite").write_bytes(model)
    if not refused:
        (folder / f"{name}.inputs").write_bytes(inputs)
        (folder / f"{name}.outputs").write_bytes(outputs)
    print(f"{name}: {len(model)} + {len(inputs)} + {len(outputs)} bytes, {' '.join(operators)}", flush=True)
    return None if operators == list(case.operators) else f"{name}: wanted {' '.join(case.operators)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "models")
    parser.add_argument("names", nargs="*", help="cases to make (all)")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    problems = [make(name, arguments.output) for name in arguments.names
                or [*operator_cases.CASES, *operator_cases.REFUSED]]
    for problem in filter(None, problems):
        print(problem, file=sys.stderr)
    return 1 if any(problems) else 0


if __name__ == "__main__":
    sys.exit(main())
