"""The table, and the list of survivors that are explained."""

import dataclasses
import pathlib
import re

from measure import Outcome
from rules import Mutant

THRESHOLDS = {"crypto": 98.0}
THRESHOLD = 95.0
ENTRY = re.compile(r"(equivalent|accepted) (\S.*)$")


@dataclasses.dataclass
class Explanation:
    kind: str  # equivalent: no test can tell. accepted: one could, and why there is none
    reason: str


def read_list(path: pathlib.Path) -> dict[str, Explanation]:
    """Entries, one or more lines `equivalent NAME` or `accepted NAME`, then their reason, indented."""
    found: dict[str, Explanation] = {}
    waiting: list[tuple[str, str]] = []
    reason = ""
    for number, line in enumerate([*path.read_text().splitlines(), ""] if path.is_file() else [], 1):
        entry = ENTRY.match(line)
        if line.startswith("  ") and line.strip():
            reason = f"{reason} {line.strip()}".strip()
        elif entry or not line.strip() or line.startswith("#"):
            if reason:
                found.update((name, Explanation(kind, reason)) for kind, name in waiting)
                waiting, reason = [], ""
            if entry:
                waiting.append((entry.group(1), entry.group(2)))
        else:
            raise SystemExit(
                f"{path}:{number}: neither `equivalent NAME`, `accepted NAME` nor an indented reason"
            )
    if waiting:
        raise SystemExit(f"{path}: no reason is given for {waiting[0][1]}")
    return found


@dataclasses.dataclass
class Row:
    module: str
    planted: int = 0
    own: int = 0
    other: int = 0
    survived: int = 0
    equivalent: int = 0

    @property
    def share(self) -> float:
        """Per cent noticed of those that could be."""
        could = self.planted - self.equivalent
        return 100.0 * (self.own + self.other) / could if could else 100.0

    @property
    def threshold(self) -> float:
        return THRESHOLDS.get(self.module, THRESHOLD)


class Report:
    def __init__(
        self, chosen: dict[str, list[Mutant]], outcomes: dict[str, Outcome], explained: dict[str, Explanation]
    ):
        self.rows: list[Row] = []
        self.unexplained: list[tuple[Mutant, Outcome]] = []
        self.stale: list[str] = []
        for module, mutants in chosen.items():
            row = Row(module, planted=len(mutants))
            for mutant in mutants:
                self._count(row, mutant, outcomes[mutant.key], explained.get(mutant.name))
            self.rows.append(row)

    def _count(self, row: Row, mutant: Mutant, outcome: Outcome, explanation: Explanation | None) -> None:
        if outcome.noticed_by:
            row.own += outcome.noticed_by == "own"
            row.other += outcome.noticed_by == "other"
            if explanation:
                self.stale.append(mutant.name)
            return
        if explanation and explanation.kind == "equivalent":
            row.equivalent += 1
            return
        row.survived += 1
        if not explanation:
            self.unexplained.append((mutant, outcome))

    def failures(self) -> list[str]:
        return [
            f"{row.module}: {row.share:.1f} % noticed; at least {row.threshold:.0f} % must be"
            for row in self.rows
            if row.share < row.threshold
        ]

    def text(self) -> str:
        total = Row(
            "all",
            *(
                sum(getattr(row, field) for row in self.rows)
                for field in ("planted", "own", "other", "survived", "equivalent")
            ),
        )
        lines = [
            f"{'module':<16}{'planted':>8}{'noticed':>8}{'by others':>10}"
            f"{'survived':>9}{'equivalent':>11}{'share':>8}"
        ]
        for row in [*self.rows, total]:
            lines.append(
                f"{row.module:<16}{row.planted:>8}{row.own + row.other:>8}{row.other:>10}{row.survived:>9}"
                f"{row.equivalent:>11}{row.share:>7.1f}%"
            )
        lines += [f"\nlisted in survivors.txt, and noticed: {name}" for name in self.stale]
        if self.unexplained:
            lines.append("\nUnexplained survivors (a test is missing, or a line in survivors.txt):")
        for mutant, outcome in sorted(self.unexplained, key=lambda pair: (pair[0].path, pair[0].line)):
            note = "" if outcome.reached else "(no test comes here) "
            lines.append(f"{mutant.path}:{mutant.line}: {note}{mutant.name}")
        return "\n".join(lines + self.failures())
