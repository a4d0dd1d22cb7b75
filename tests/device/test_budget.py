#!/usr/bin/env python3
"""What the runtime costs on boards stays within firmware/budget.txt.

test_budget.py [--print]: with --print the measured figures, in the file's form.
Flash is always compared; what models cost only where they are (SOTTO_MODELS_DIR).
"""
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

BUDGET = ROOT / "firmware" / "budget.txt"


def budget() -> dict[tuple[str, str, str], dict[str, int]]:
    """(kind, board, firmware or model) -> figure -> at most."""
    found = {}
    for line in BUDGET.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            kind, board, what, *pairs = words
            found[kind, board,
                  what] = {name: int(value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    return found


def problems(key: tuple[str, str, str], limits: dict[str, int], measured: dict[str, int]) -> list[str]:
    """A sentence for each figure above its limit."""
    return [f"{' '.join(key)}: {name} is {measured[name]:,}, "
            f"budget {limit:,} (+{measured[name] / limit - 1:.1%}): make it smaller, "
            f"or raise {BUDGET.relative_to(ROOT)} in the same commit and say why"
            for name, limit in limits.items() if measured[name] > limit]


def flash(board: emulator.Board, firmware: str) -> dict[str, int]:
    return {"bytes": measurement.flash_bytes(board.firmware(firmware))}


@functools.cache
def cost(board: emulator.Board, model: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as directory:
        image = pathlib.Path(directory, "image")
        measurement.compile_model(measurement.models_directory() / measurement.MODELS[model], board.target,
                                  image)
        inputs = measurement.models_directory() / "golden" / f"{model}_in.bin"
        measured = measurement.measure(board, image, inputs, operators=False)
    return {"arena": measured.arena_bytes, "stack": measured.stack_bytes,
            "open": measured.reopen_instructions, "invoke": measured.instructions}


@functools.cache
def front_ends(board: emulator.Board) -> dict[str, dict[str, int]]:
    return measurement.front_ends(board)


def front_end(board: emulator.Board, name: str) -> dict[str, int]:
    return {figure: front_ends(board)[name][figure] for figure in ("arena", "tables", "stack", "open",
                                                                   "frame")}


@functools.cache
def heads(board: emulator.Board) -> dict[str, dict[str, int]]:
    return measurement.heads(board)


def head(board: emulator.Board, name: str) -> dict[str, int]:
    return {figure: heads(board)[name][figure] for figure in ("memory", "stack", "step", "remember",
                                                              "apply")}


def session(board: emulator.Board, firmware: str) -> dict[str, int]:
    path = board.firmware(firmware)
    return {"flash": measurement.flash_bytes(path), "ram": measurement.ram_bytes(path),
            "stack": max(measurement.session_stacks(board).values())}


def rule(board: emulator.Board, _: str) -> dict[str, int]:
    return measurement.graph_rule(board)


def participant(board: emulator.Board, firmware: str) -> dict[str, int]:
    path = board.firmware(firmware)
    return {"flash": measurement.flash_bytes(path), "ram": measurement.ram_bytes(path)}


def app(board: emulator.Board, firmware: str) -> dict[str, int]:
    path = board.firmware(firmware)
    return {"flash": measurement.flash_bytes(path),
            "ram": measurement.ram_bytes(path) + measurement.stack_reserved_bytes(path)}


def replay(board: emulator.Board, kind: str) -> dict[str, int]:
    first, known = measurement.replay_session(board, kind)
    return {"first": first.instructions, "known": known.instructions,
            "stack": max(first.stack_bytes, known.stack_bytes)}


MEASURES = {"flash": flash, "cost": cost, "front-end": front_end, "head": head, "session": session,
            "rule": rule, "participant": participant, "replay": replay, "app": app}


class Budget(unittest.TestCase):
    def check(self, kind):
        limits = {key: limit for key, limit in budget().items() if key[0] == kind}
        self.assertTrue(limits, f"{BUDGET} has no line for {kind}")
        found = []
        for key, limit in limits.items():
            found += problems(key, limit, MEASURES[kind](emulator.BOARDS[key[1]], key[2]))
        self.assertFalse(found, "\n" + "\n".join(found))

    def test_flash_is_within_its_budget(self):
        self.check("flash")

    def test_a_session_costs_at_most_its_budget(self):
        self.check("session")

    def test_a_participant_with_its_cryptography_costs_at_most_its_budget(self):
        if not measurement.has_cryptography():
            self.skipTest(measurement.NO_CRYPTOGRAPHY)
        self.check("participant")
        self.check("replay")

    def test_the_whole_application_costs_at_most_its_budget(self):
        if not measurement.has_cryptography():
            self.skipTest(measurement.NO_CRYPTOGRAPHY)
        self.check("app")
        for (kind, _, what), limits in budget().items():
            # What a board of 64 KB and 256 KB has room for beside a model image.
            if (kind, what) == ("app", "board_app"):
                self.assertLessEqual(limits["ram"], 64 * 1024)
                self.assertLessEqual(limits["flash"], 160_000)

    def test_checking_a_graph_costs_at_most_its_budget(self):
        self.check("rule")

    def test_each_front_end_costs_at_most_its_budget(self):
        self.check("front-end")

    def test_each_head_costs_at_most_its_budget(self):
        self.check("head")

    def test_each_model_costs_at_most_its_budget(self):
        absent = measurement.absent_models()
        if absent:
            self.skipTest(f"SOTTO_MODELS_DIR, {measurement.models_directory()}, lacks {', '.join(absent)}")
        self.check("cost")
        self.check_estimates()

    def check_estimates(self):
        """Of instructions (model-compiler/src/host/boards.cc), where a command line was built."""
        if not os.environ.get("SOTTO_BINARY"):
            return
        boards = {"m0": "pico", "m3": "bluepill", "m4": "nano33ble", "m55": "ensemblee3"}
        for (kind, core, model), _ in budget().items():
            if kind == "cost":
                tflite = measurement.models_directory() / measurement.MODELS[model]
                text = subprocess.run([os.environ["SOTTO_BINARY"], "image", "inspect", tflite, "--board",
                                       boards[core], "--json"], check=True, capture_output=True).stdout
                (row,) = json.loads(text)["boards"]
                measured = cost(emulator.BOARDS[core], model)["invoke"]
                self.assertAlmostEqual(row["estimated_instructions"] / measured, 1, delta=0.25,
                                       msg=f"{model} on {core}: run firmware/fit_costs.py")

    def test_footprints_have_the_kernels_that_their_models_need(self):
        absent = measurement.absent_models()
        if absent:
            self.skipTest(f"SOTTO_MODELS_DIR, {measurement.models_directory()}, lacks {', '.join(absent)}")
        for model, file in measurement.MODELS.items():
            for firmware in ("tier1", "kws" if model == "vww" else model):
                with self.subTest(model=model, firmware=firmware), tempfile.TemporaryDirectory() as name:
                    board = emulator.BOARDS["m4"]
                    image = pathlib.Path(name, "image")
                    measurement.compile_model(measurement.models_directory() / file, board.target, image)
                    # Its exit code is the error of opening or invoking.
                    emulator.run(board, f"footprint_{firmware}", [], pathlib.Path(name), image=image)

    def test_a_figure_above_its_limit_is_reported(self):
        key = ("cost", "m4", "kws")
        self.assertEqual(problems(key, {"invoke": 1000, "stack": 10}, {"invoke": 1000, "stack": 9}), [])
        problem, = problems(key, {"invoke": 1000, "stack": 10}, {"invoke": 1001, "stack": 9})
        self.assertIn("cost m4 kws: invoke is 1,001, budget 1,000 (+0.1%)", problem)

    def test_every_board_and_model_has_a_budget(self):
        lines = {key[1:] for key in budget() if key[0] == "cost"}
        for board in emulator.BOARDS.values():
            if board.machine != "microbit":  # the same code as m0's
                self.assertLessEqual({(board.key, model) for model in measurement.MODELS}, lines)


def print_measured() -> None:
    for kind, board, what in budget():
        if kind in ("participant", "replay", "app") and not measurement.has_cryptography():
            continue
        measured = MEASURES[kind](emulator.BOARDS[board], what)
        print(kind, board, what, *(f"{name} {value}" for name, value in measured.items()))


if __name__ == "__main__":
    emulator.skip_without_tools()
    if sys.argv[1:] == ["--print"]:
        print_measured()
    else:
        unittest.main()
