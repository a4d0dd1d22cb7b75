"""The faults that are planted, each by a rule, and what is left alone.

A fault is an expression or a statement that does something else while the fault is active.
"""

import collections
import dataclasses
import re

from cpp_source import ASSIGNMENTS, NO_CALL, PRECEDENCE, Source, Statement

# Calls whose loss no test can see, by their last name, and why.
INVISIBLE_CALLS = {
    r".*wipe.*|.*cleanse": "memory that nobody may read afterwards",
    r"fsync|fdatasync": "shows only when the machine loses power",
    r"reserve|shrink_to_fit": "speed, not behaviour",
    r".*_free|Free": "memory that is never asked for again: the asan preset sees it",
    r"info|warn|debug": "a log line",
}
INVISIBLE = re.compile("|".join(INVISIBLE_CALLS))
# States what cannot happen: no input reaches the other side of it, so no test can.
INVARIANTS = {"SOTTO_CHECK", "assert"}
EARLY_EXIT = {"return", "continue", "break"}
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
EQUALS = {"==": "!=", "!=": "=="}
# Their arguments may change places.
COMMUTATIVE = {"min", "max", "swap", "add", "multiply", "wrapping_add", "wrapping_multiply"}
ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "&": "|", "|": "&", "^": "|", ">>": "<<"}


@dataclasses.dataclass
class Mutant:
    path: str
    function: str
    rule: str
    first: int  # tokens [first, last) are replaced
    last: int
    before: str  # their text on one line
    after: str  # what the fault makes of it; `before` and `after` are shown to people
    form: str  # how plant.py writes it: choice, force_true, force_false, drop, ignore_error
    line: int = 0
    end_line: int = 0
    name: str = ""  # file name, function, rule and texts: outlives shifted lines and moved folders
    number: int = 0  # what the run-time switch knows it by

    @property
    def key(self) -> str:
        return f"{self.path.rpartition('/')[0]}/{self.name}"


class Planter:
    """Finds every fault that the rules allow in one source."""

    def __init__(self, path: str, source: Source, siblings: dict[str, set[str]]):
        self.path, self.source, self.siblings = path, source, siblings
        self.mutants: list[Mutant] = []

    def all(self) -> list[Mutant]:
        for function in self.source.functions:
            self.function = function
            for statement in function.statements:
                self.statement(statement)
        self._give_names()
        return self.mutants

    def _give_names(self) -> None:
        """Faults of one name are counted in the order of the file."""
        file = self.path.rpartition("/")[2]
        seen: collections.Counter[str] = collections.Counter()
        for mutant in sorted(self.mutants, key=lambda one: (one.first, one.last)):
            base = f"{file} | {mutant.function} | {mutant.rule} | {mutant.before} -> {mutant.after}"
            seen[base] += 1
            mutant.name = base if seen[base] == 1 else f"{base} #{seen[base]}"

    def add(self, rule: str, first: int, last: int, after: str, form: str) -> None:
        tokens = self.source.tokens
        line, end = tokens[first].line, tokens[last - 1].line
        if any(begin <= line <= stop or begin <= end <= stop for begin, stop in self.source.conditional):
            return  # under #if: may not be compiled here
        if form == "choice" and self.source.lambda_bodies(first, last):
            return  # a lambda written twice has two types
        before = self.source.slice(first, last)
        if before != after and len(before) < 300:
            self.mutants.append(
                Mutant(self.path, self.function.name, rule, first, last, before, after, form, line, end)
            )

    # Statements.

    def statement(self, statement: Statement) -> None:
        words = {token.text for token in self.source.tokens[statement.first : statement.first + 2]}
        if words & INVARIANTS or self._is_void_cast(statement):
            return
        if statement.condition:
            self.condition(statement)
        if statement.kind == "other":
            self.dropped(statement)
        if statement.kind == "return":
            self.flipped_answer(statement)
        if not self._is_constant(statement):
            self.expression(statement.first, statement.last)

    def _is_void_cast(self, statement: Statement) -> bool:
        return self.source.slice(statement.first, statement.last).startswith("static_cast<void>")

    def _is_constant(self, statement: Statement) -> bool:
        """`const T x = 5 * kName;`: folded by the compiler, so a fault in it would never be active."""
        tokens = self.source.tokens
        if tokens[statement.first].text not in ("const", "static"):
            return False
        equals = [i for i in self.source._outer(statement.first, statement.last) if tokens[i].text == "="]
        names = (
            [token.text for token in tokens[equals[0] : statement.last] if token.kind == "word"]
            if equals
            else ["x"]
        )
        return all(
            re.match(r"k[A-Z]|[A-Z][A-Z0-9_]+$|std$|u?int\d+_t$|size_t$|sizeof$|limits$|labels$", name)
            for name in names
        )

    def condition(self, statement: Statement) -> None:
        assert statement.condition is not None
        first, last = statement.condition
        refusal = statement.kind == "if" and statement.body is not None and self._leaves(*statement.body)
        self.add("refusal removed" if refusal else "condition false", first, last, "false", "force_false")
        if statement.kind == "if":  # an endless loop would be noticed by waiting only
            self.add("condition true", first, last, "true", "force_true")

    def _leaves(self, first: int, last: int) -> bool:
        return any(token.text in EARLY_EXIT for token in self.source.tokens[first:last])

    def dropped(self, statement: Statement) -> None:
        """A call or an assignment that does not happen."""
        tokens, first, last = self.source.tokens, statement.first, statement.last - 1
        if last <= first or tokens[last].text != ";":
            return
        if tokens[first].text == "SOTTO_RETURN_IF_ERROR":
            self.add(
                "error ignored", first, last + 1, self.source.slice(first + 1, last) + ";", "ignore_error"
            )
            return
        if tokens[first].text in ("++", "--") or tokens[last - 1].text in ("++", "--"):
            self.add("assignment dropped", first, last + 1, ";", "drop")
            return
        outer = list(self.source._outer(first, last))
        assigned = [i for i in outer if tokens[i].text in ASSIGNMENTS and tokens[i].binary]
        target_end = assigned[0] if assigned else last
        if not self._is_one_chain(first, target_end):
            return
        if assigned:
            self.add("assignment dropped", first, last + 1, ";", "drop")
        elif tokens[last - 1].text == ")":
            name = tokens[self.source.match[last - 1] - 1].text
            if not INVISIBLE.fullmatch(name) and name not in INVARIANTS:
                self.add("call dropped", first, last + 1, ";", "drop")

    def _is_one_chain(self, first: int, last: int) -> bool:
        """Whether [first, last) is `a::b(c)[d].e`, which a declaration `T e` is not."""
        tokens = self.source.tokens
        if tokens[first].text == "*":
            first += 1
        if first >= last or tokens[first].kind != "word" and tokens[first].text != "(":
            return False
        start = self.source.chain_start(last - 1, first)
        return start == first and tokens[first].text not in NO_CALL | {"auto", "const", "break", "continue"}

    def flipped_answer(self, statement: Statement) -> None:
        word = self.source.tokens[statement.first + 1].text
        if word in ("true", "false") and statement.last - statement.first == 3:
            other = "false" if word == "true" else "true"
            self.add("answer flipped", statement.first + 1, statement.first + 2, other, "choice")

    # Expressions.

    def expression(self, first: int, last: int) -> None:
        source, index = self.source, first
        lambdas = set(source.lambda_bodies(first, last))
        braces_end = first  # inside lists in braces numbers must stay constant, or they would narrow
        while index < last:
            token = source.tokens[index]
            opens = index + 1 < last and source.tokens[index + 1].text == "("
            if opens and (token.text in INVARIANTS or INVISIBLE.fullmatch(token.text)):
                index = source.match[index + 1] + 1
                continue
            if index in lambdas or token.text == "[" and source.tokens[index + 1].text == "[":
                index = source.match[index] + 1  # statements of their own; an attribute
                continue
            if token.text == "[" and index > first + 1 and self._declares_array(index):
                index = source.match[index] + 1
                continue
            if token.text == "{":
                braces_end = max(braces_end, source.match.get(index, index))
            if token.kind == "sign" and token.binary and not token.template:
                if index >= braces_end or token.text not in ARITHMETIC:
                    self.operator(index, first, last)
            elif token.kind == "number" and not token.template and index >= braces_end:
                self.constant(index)
            elif token.text == "(" and index > first:
                self.swapped_arguments(index, first)
            elif token.text in (".", "->") and index + 1 < last:
                self.sibling(index + 1, first)
            index += 1

    def _declares_array(self, opening: int) -> bool:
        """`char text[2 * 16];`, whose bound the compiler evaluates."""
        kind, name = self.source.tokens[opening - 2 : opening]
        return kind.kind == name.kind == "word" and kind.text not in NO_CALL

    def operator(self, index: int, first: int, last: int) -> None:
        source, text = self.source, self.source.tokens[index].text
        rank = PRECEDENCE[text]
        if text in ("&&", "||"):
            self.operands(index, first, last)
            return
        if text == "?":
            begin = source.left_of(index, first, rank + 1)
            self.add("condition false", begin, index, "false", "force_false")
            self.add("condition true", begin, index, "true", "force_true")
            return
        other, rule = self._replacement(text)
        if other is None:
            return
        begin, end = source.left_of(index, first, rank), source.right_of(index, last, rank)
        if begin >= index or end <= index + 1 or self._is_text(begin, end):
            return
        after = f"{source.slice(begin, index)} {other} {source.slice(index + 1, end)}"
        self.add(rule, begin, end, after, "choice")

    def _replacement(self, text: str) -> tuple[str | None, str]:
        if text in SWAPS:
            return SWAPS[text], "boundary"
        if text in EQUALS:
            return EQUALS[text], "equality"
        return ARITHMETIC.get(text), "arithmetic"

    def _is_text(self, first: int, last: int) -> bool:
        return any(
            token.kind == "text" or token.text in ("to_string", "string", "join", "message")
            for token in self.source.tokens[first:last]
        )

    def operands(self, index: int, first: int, last: int) -> None:
        """One check of several, taken away: `a && b` without b, `a || b` without a."""
        source, text = self.source, self.source.tokens[index].text
        rank = PRECEDENCE[text]
        value, form = ("true", "force_true") if text == "&&" else ("false", "force_false")
        self.add("check removed", index + 1, source.right_of(index, last, rank), value, form)
        begin = source.left_of(index, first, rank + 1)
        if begin == first or source.tokens[begin - 1].text != text:
            self.add("check removed", begin, index, value, form)

    def constant(self, index: int) -> None:
        tokens, text = self.source.tokens, self.source.tokens[index].text
        if tokens[index - 1].text == "case" or re.search(r"\.\.|[\"']", text):
            return
        self.add("constant + 1", index, index + 1, f"{text} + 1", "choice")
        if not re.fullmatch(r"0(\.0*)?[fFuUlL]*", text):
            self.add("constant - 1", index, index + 1, f"{text} - 1", "choice")

    def swapped_arguments(self, opening: int, first: int) -> None:
        source, tokens = self.source, self.source.tokens
        name = tokens[opening - 1]
        if name.kind != "word" or name.template or name.text in NO_CALL | COMMUTATIVE or name.text.isupper():
            return
        start = source.chain_start(opening - 1, first)
        if start > first and (
            tokens[start - 1].kind == "word"
            and tokens[start - 1].text not in ("return", "else")
            or tokens[start - 1].template
            or tokens[start - 1].text in ("&", "*", "&&", "]")
            and not tokens[start - 1].binary
        ):
            return  # a declaration
        close = source.match[opening]
        commas = [
            i for i in source._outer(opening + 1, close) if tokens[i].text == "," and not tokens[i].template
        ]
        bounds = [opening, *commas, close]
        parts = [source.slice(a + 1, b) for a, b in zip(bounds, bounds[1:])]
        for place in range(len(parts) - 1):
            one, two = parts[place], parts[place + 1]
            if one != two and all(
                re.fullmatch(r"[\w.:>*-]+(\(\))?", part)
                and not re.match(r"\d|true|false", part)
                and not re.search(r"\b(begin|end)\(\)$", part)
                for part in (one, two)
            ):
                swapped = [*parts[:place], two, one, *parts[place + 2 :]]
                self.add(
                    "arguments swapped",
                    start,
                    close + 1,
                    f"{source.slice(start, opening)}({', '.join(swapped)})",
                    "choice",
                )

    def sibling(self, index: int, first: int) -> None:
        """A field's neighbour of the same type in its place: population for task."""
        source, tokens = self.source, self.source.tokens
        name = tokens[index].text
        if (
            name not in self.siblings
            or tokens[index + 1].text in ("(", "::")
            or tokens[index - 2].text in ("{", ",", "(")
        ):
            return
        start = source.chain_start(index, first)
        if start == index or source.slice(start, index + 1).startswith(("*", "&")):
            return
        for other in sorted(self.siblings[name])[:1]:
            self.add("field swapped", start, index + 1, source.slice(start, index) + other, "choice")


def siblings_of(sources: list[Source]) -> dict[str, set[str]]:
    """Field -> the fields declared beside it with the same type."""
    beside: dict[str, set[str]] = collections.defaultdict(set)
    for source in sources:
        for fields in source.fields:
            for (type_a, a), (type_b, b) in zip(fields, fields[1:]):
                if type_a == type_b and not a.endswith("_"):
                    beside[a].add(b)
                    beside[b].add(a)
    return beside
