"""Runs a model image on an emulated board and prints what it costs. Called by scripts/device-run."""
import argparse
import pathlib
import sys

import emulator
import measurement

# BuiltinOperator of the .tflite schema -> its name, for those that models on boards have most.
OPERATOR_NAMES = {0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D",
                  6: "DEQUANTIZE",
                  9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU",
                  21: "RELU6", 22: "RESHAPE",
                  25: "SOFTMAX", 28: "TANH", 34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB",
                  114: "QUANTIZE"}


def print_costs(measured: measurement.Measurement, image: pathlib.Path) -> None:
    print(f"flash for the image      {image.stat().st_size:>12,} bytes")
    print(f"arena                    {measured.arena_bytes:>12,} bytes")
    print(f"stack                    {measured.stack_bytes:>12,} bytes")
    print(f"open, with its checksum  {measured.open_instructions:>12,} instructions")
    print(f"open, without            {measured.reopen_instructions:>12,} instructions")
    print(f"invoke                   {measured.instructions:>12,} instructions")
    print()
    print(f"{'operator':<22} {'instructions':>12} {'share':>6} {'multiplications':>15} {'each':>5}")
    for operator in measured.inputs[0].operators:
        each = f"{operator.instructions / operator.macs:.2f}" if operator.macs else ""
        name = f"{operator.source} {OPERATOR_NAMES.get(operator.code, f'operator {operator.code}')}"
        print(f"{name:<22} {operator.instructions:>12,} "
              f"{operator.instructions / measured.instructions:>6.1%} "
              f"{operator.macs:>15,} {each:>5}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/device-run",
                                     description="Runs a model image on an emulated board.")
    boards = emulator.BOARDS | emulator.MORE_BOARDS
    parser.add_argument("board", choices=list(boards))
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path,
                        help="raw int8 inputs, one after the other; zeros when absent")
    parser.add_argument("--count", type=int, default=1, help="how many of them")
    parser.add_argument("--output", type=pathlib.Path, help="where the raw outputs go")
    options = parser.parse_args()
    for path in (options.image, options.input):
        if path is not None and not path.is_file():
            parser.error(f"there is no file {path}")
    try:
        measured = measurement.measure(boards[options.board], options.image, options.input, options.count)
    except emulator.EmulationError as error:
        print(f"device-run: {error}", file=sys.stderr)
        return 1
    print_costs(measured, options.image)
    if options.output:
        options.output.write_bytes(measured.outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
