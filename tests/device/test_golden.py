#!/usr/bin/env python3
"""The five MLPerf Tiny models on every board:
outputs, logits and each operator's bytes equal the golden files.

test_golden.py [--inputs N] [--board KEY...] [--model KEY...]
The golden files hold 12 inputs; models and files are read from SOTTO_MODELS_DIR.
"""
import argparse
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

GOLDEN_INPUTS = 12
ALL_BOARDS = emulator.BOARDS | emulator.MORE_BOARDS
OPTIONS = argparse.Namespace(inputs=GOLDEN_INPUTS, board=list(emulator.BOARDS),
                             model=list(measurement.MODELS))

# What the micro:bit's 192 KB for a model and 11 KB for its arena hold.
FITS_MICROBIT = {"kws", "sww"}


def golden(model: str, suffix: str) -> pathlib.Path:
    return measurement.models_directory() / "golden" / f"{model}_{suffix}"


def first_inputs(model: str, suffix: str, count: int) -> bytes:
    """The part of a golden file that belongs to the first `count` of its inputs."""
    content = golden(model, suffix).read_bytes()
    return content[:len(content) // GOLDEN_INPUTS * count]


def golden_operators(model: str, count: int) -> dict[tuple[int, int], tuple[str, int, int]]:
    """(input, operator) -> name, bytes and CRC-32 of the operator's output."""
    found = {}
    for line in golden(model, "layers_crc32.txt").read_text().splitlines():
        index, operator, name, size, crc = line.split()
        if int(index) < count:
            found[int(index), int(operator)] = (name, int(size), int(crc, 16))
    return found


class Golden(unittest.TestCase):
    def check_operators(self, measured: measurement.Measurement, model: str) -> None:
        expected = golden_operators(model, OPTIONS.inputs)
        for index, run in enumerate(measured.inputs):
            for operator in run.operators:
                name, size, crc = expected.pop((index, operator.source))
                self.assertEqual((operator.bytes, operator.crc32), (size, crc),
                                 f"input {index}, operator {operator.source} {name}: the first that differs")
        self.assertEqual(expected, {}, "operators that were not run")

    def check(self, board: emulator.Board, model: str, image: pathlib.Path) -> None:
        measured = measurement.measure(board, image, golden(model, "in.bin"), OPTIONS.inputs)
        self.assertEqual(len(measured.inputs), OPTIONS.inputs)
        self.check_operators(measured, model)
        self.assertEqual(measured.logits, first_inputs(model, "logits.bin", OPTIONS.inputs))
        self.assertEqual(measured.outputs, first_inputs(model, "out.bin", OPTIONS.inputs))

    def test_every_operator_gives_the_golden_bytes(self):
        for model in OPTIONS.model:
            with tempfile.TemporaryDirectory() as directory:
                images = {}
                for key in OPTIONS.board:
                    board = ALL_BOARDS[key]
                    if board.machine == "microbit" and model not in FITS_MICROBIT:
                        continue
                    if board.target not in images:
                        images[board.target] = pathlib.Path(directory, board.target)
                        tflite = measurement.models_directory() / measurement.MODELS[model]
                        measurement.compile_model(tflite, board.target, images[board.target])
                    with self.subTest(model=model, board=key):
                        self.check(board, model, images[board.target])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, choices=range(1, GOLDEN_INPUTS + 1), default=GOLDEN_INPUTS)
    parser.add_argument("--board", nargs="+", choices=list(ALL_BOARDS), default=list(emulator.BOARDS))
    parser.add_argument("--model", nargs="+", choices=list(measurement.MODELS),
                        default=list(measurement.MODELS))
    parser.parse_args(namespace=OPTIONS)
    emulator.skip_without_tools()
    measurement.skip_without_models()
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
