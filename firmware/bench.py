"""The runtime's cost on emulated boards beside the peer's. Called by scripts/device-bench."""
import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile

import emulator
import measurement

# The peer is TensorFlow Lite Micro 90b983c2 (2026-08-20) with its CMSIS-NN 4ab83cc3, built with the flags of
# its own Makefile (BUILD_TYPE=release: core -Os, kernels -O2) by the same compiler, arm-none-eabi-gcc 12.2.1,
# and measured on the same emulator, QEMU 7.2,
# with the same first golden input. Targets are the project's own.
MODELS = ("kws", "vww", "ic", "ad", "sww")


@dataclasses.dataclass(frozen=True)
class Figure:
    """A row of the table: one figure of every model on one board."""
    name: str
    board: str
    unit: str
    peer_is: str
    peer: tuple[int, ...]  # in the order of MODELS
    target: tuple[int, ...]

    def ours(self, measured: measurement.Measurement) -> int:
        return {"arena": measured.arena_bytes, "instructions": measured.instructions,
                "open": measured.reopen_instructions,
                "open with checksum": measured.open_instructions}[self.name]


ALLOCATE_TENSORS = (782_757, 3_509_037, 522_986, 81_696, 1_082_352)
OPEN_TARGET = (100_000,) * len(MODELS)
FIGURES = (
    Figure("arena", "m4", "bytes", "TFLM, arena and all state", (22_784, 100_672, 54_352, 2_704, 15_264),
           (10_500, 40_000, 36_000, 1_400, 5_200)),
    Figure("instructions", "m4", "instructions", "TFLM with CMSIS-NN",
           (7_697_411, 24_101_940, 29_864_598, 582_924, 2_227_556),
           (5_500_000, 14_000_000, 24_000_000, 500_000, 1_600_000)),
    Figure("instructions", "m3", "instructions", "TFLM with CMSIS-NN in C",
           (10_532_090, 31_958_299, 41_849_279, 955_858, 4_729_052),
           (10_000_000, 30_000_000, 40_000_000, 900_000, 4_000_000)),
    Figure("instructions", "m55", "instructions", "TFLM with CMSIS-NN",
           (1_813_199, 6_558_338, 4_913_808, 149_997, 407_912),
           (1_700_000, 6_000_000, 4_700_000, 150_000, 400_000)),
    Figure("open", "m4", "instructions", "AllocateTensors", ALLOCATE_TENSORS, OPEN_TARGET),
    Figure("open with checksum", "m4", "instructions", "AllocateTensors", ALLOCATE_TENSORS, ()),
)

# Firmware on the M4 with the seven operators of the five models,
# start-up code included -> the peer's, and the target.
FLASH = (
    ("footprint_tier1_portable", "flash, portable kernels", "TFLM reference kernels", 50_384, 20_000),
    ("footprint_tier1", "flash, DSP kernels", "TFLM with CMSIS-NN, int8 only", 58_828, 36_000),
)


# A frame of the front end log-mel-30x40: 480 samples at 16 kHz, every 320, to 40 bands. The peer is the micro
# front end of the same TensorFlow Lite Micro with kissfft 6e9e673, compiled with -O2, a 16-bit transform,
# noise reduction, no gain control. Its memory is what it allocates and its state,
# without the 30 rows that a model takes; ours has them.
FRONT_END = (
    ("front end frame", "instructions", "TFLM micro front end", 85_930, ("frame",)),
    ("front end RAM", "bytes", "TFLM micro front end", 11_296, ("arena", "tables")),
)


def measure_all() -> dict[tuple[str, str], measurement.Measurement]:
    """(board, model) -> what it costs, for every board that a figure is about."""
    found = {}
    for model in MODELS:
        tflite = measurement.models_directory() / measurement.MODELS[model]
        inputs = measurement.models_directory() / "golden" / f"{model}_in.bin"
        for key in dict.fromkeys(figure.board for figure in FIGURES):
            board = emulator.BOARDS[key]
            with tempfile.TemporaryDirectory() as directory:
                image = pathlib.Path(directory, "image")
                measurement.compile_model(tflite, board.target, image)
                found[key, model] = measurement.measure(board, image, inputs, count=1, operators=False)
    return found


def row(name: str, board: str, model: str, unit: str, peer_is: str, peer: int, ours: int,
        target: int | None) -> dict:
    return {"figure": name, "board": board, "model": model, "unit": unit, "peer": peer, "peer_is": peer_is,
            "ours": ours,
            "target": target, "ratio_to_peer": round(ours / peer, 4),
            "met": None if target is None else ours <= target}


def rows(measured: dict[tuple[str, str], measurement.Measurement]) -> list[dict]:
    found = []
    for figure in FIGURES:
        for index, model in enumerate(MODELS):
            found.append(row(figure.name, figure.board, model, figure.unit, figure.peer_is,
                             figure.peer[index],
                             figure.ours(measured[figure.board, model]),
                             figure.target[index] if figure.target else None))
    costs = measurement.front_ends(emulator.BOARDS["m4"])["log-mel-30x40"]
    for name, unit, peer_is, peer, parts in FRONT_END:
        found.append(row(name, "m4", "log-mel", unit, peer_is, peer, sum(costs[part] for part in parts),
                         None))
    for firmware, name, peer_is, peer, target in FLASH:
        ours = measurement.flash_bytes(emulator.BOARDS["m4"].firmware(firmware))
        found.append(row(name, "m4", "all", "bytes", peer_is, peer, ours, target))
    return found


def print_table(table: list[dict]) -> None:
    header = ("figure", "board", "model", "peer", "ours", "target", "ours/peer", "met")
    lines = [(line["figure"], line["board"], line["model"], f"{line['peer']:,}", f"{line['ours']:,}",
              "" if line["target"] is None else f"{line['target']:,}", f"{line['ratio_to_peer']:.2f}",
              {True: "yes", False: "NO", None: ""}[line["met"]]) for line in table]
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    for line in (header, *lines):
        print("  ".join(cell.ljust(width) if column < 3 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths, strict=True))))


def main() -> int:
    parser = argparse.ArgumentParser(description="Costs on emulated boards beside TensorFlow Lite Micro's.")
    parser.add_argument("--json", type=pathlib.Path, help="write the rows to this file as well")
    options = parser.parse_args()
    emulator.skip_without_tools()
    measurement.skip_without_models()
    table = rows(measure_all())
    print_table(table)
    if options.json:
        options.json.write_text(json.dumps({"rows": table}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
