"""C++ as tokens, brackets, functions and statements: as much of the language as planting faults needs.

It relies on this tree's layout (clang-format): a binary operator has a blank on both sides, so `a < b`
compares and `f<b>` does not. What it does not recognise it leaves alone; what it gets wrong the compiler
refuses, and mutation.py withdraws.
"""

import dataclasses
import re
from typing import Iterator

TOKEN = re.compile(
    r"""
    (?P<blank>\s+|\\\n)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<text>(?:u8|[uUL])?R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)"|(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"\w*)
  | (?P<char>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<number>\.?\d(?:[eEpP][+-]|'?[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign><=>|<<=|>>=|\.\.\.|->\*|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=
      |[-+*/%&|^!~=<>?:;,.()\[\]{}\#@])
""",
    re.VERBOSE | re.DOTALL,
)

RANKS = """*:13 /:13 %:13 +:12 -:12 <<:11 >>:11 <=>:10.5 <:10 >:10 <=:10 >=:10 ==:9 !=:9 &:8 ^:7 |:6 &&:5 ||:4
?:3 ::3 =:2 +=:2 -=:2 *=:2 /=:2 %=:2 &=:2 ^=:2 |=:2 <<=:2 >>=:2 ,:1"""
PRECEDENCE = {sign: float(rank) for sign, _, rank in (word.rpartition(":") for word in RANKS.split())}
ASSIGNMENTS = {sign for sign, rank in PRECEDENCE.items() if rank == 2}
OPENS = {"(": ")", "[": "]", "{": "}"}
# A word before `(` that calls nothing.
NO_CALL = set(
    """if for while switch return sizeof alignof decltype noexcept catch static_assert alignas requires typeid
    throw new delete operator case else do constexpr""".split()
)
# What begins a statement without anything to plant in.
DECLARES = set(
    """using typedef static_assert struct class union enum namespace template constexpr friend extern goto asm
    delete throw consteval constinit""".split()
)


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int
    line: int
    binary: bool = False  # an operator with a blank on both sides
    template: bool = False  # a bracket of a template's arguments, or between two of them


@dataclasses.dataclass
class Statement:
    """A range of tokens [first, last), `last` being after its `;`.

    Its kind is if, while, for, switch, return or other.
    """

    kind: str
    first: int
    last: int
    condition: tuple[int, int] | None = None  # tokens of the condition, without brackets
    body: tuple[int, int] | None = None  # what an `if` guards


@dataclasses.dataclass
class Function:
    name: str
    first: int  # after its `{`
    last: int  # its `}`
    statements: list[Statement] = dataclasses.field(default_factory=list)


class Source:
    def __init__(self, text: str):
        self.text = text
        self.conditional: list[tuple[int, int]] = []  # lines between #if and #endif
        self.tokens = self._tokens()
        self.match = self._matches()
        self.functions: list[Function] = []
        self.fields: list[list[tuple[str, str]]] = []  # per class: (type, name) in order
        self._scope(0, len(self.tokens), "")

    # Tokens.

    def _tokens(self) -> list[Token]:
        text = self._without_preprocessor()
        tokens: list[Token] = []
        place, line = 0, 1
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"line {line}: no C++ token at {text[place:place + 20]!r}")
            kind = found.lastgroup if found.lastgroup != "mark" else "text"
            if kind not in ("blank", "comment"):
                word = found.group()
                tokens.append(Token(kind, word, place, found.end(), line))
                if word in PRECEDENCE and kind == "sign":
                    before = text[place - 1 : place].isspace()
                    after = text[found.end() : found.end() + 1].isspace()
                    tokens[-1].binary = before and after or word in (":", ",", "?")
            line += found.group().count("\n")
            place = found.end()
        return self._split_template_ends(tokens)

    def _split_template_ends(self, tokens: list[Token]) -> list[Token]:
        """`>>` that closes two templates becomes two tokens."""
        result = []
        for token in tokens:
            if token.text == ">>" and not token.binary:
                for offset in range(2):
                    result.append(
                        Token("sign", ">", token.start + offset, token.start + offset + 1, token.line)
                    )
            else:
                result.append(token)
        return result

    def _without_preprocessor(self) -> str:
        """The text with directives blanked. Notes the lines of conditional code, not an include guard's."""
        lines = self.text.split("\n")
        opened: list[tuple[int, bool]] = []
        number = 0
        while number < len(lines):
            directive = re.match(r"\s*#\s*(\w+)\s*(\w*)", lines[number])
            if directive:
                if directive.group(1) in ("if", "ifdef", "ifndef"):
                    name = directive.group(2)
                    harmless = name == "__cplusplus" or directive.group(1) == "ifndef" and name.endswith("_H")
                    opened.append((number + 1, harmless))
                elif directive.group(1) == "endif" and opened:
                    first, harmless = opened.pop()
                    if not harmless:
                        self.conditional.append((first, number + 1))
                while lines[number].endswith("\\") and number + 1 < len(lines):
                    lines[number] = " " * len(lines[number])
                    number += 1
                lines[number] = " " * len(lines[number])
            number += 1
        return "\n".join(lines)

    def _matches(self) -> dict[int, int]:
        match: dict[int, int] = {}
        stack: list[int] = []
        angles: list[int] = []
        for index, token in enumerate(self.tokens):
            if token.kind != "sign":
                continue
            if token.text in OPENS:
                stack.append(index)
            elif token.text in (")", "]", "}"):
                while stack and self.tokens[stack[-1]].text == "<":
                    stack.pop()
                if stack:
                    opener = stack.pop()
                    match[opener], match[index] = index, opener
            elif (
                token.text == "<" and not token.binary and index and self.tokens[index - 1].text != "operator"
            ):
                stack.append(index)
            elif token.text == ">" and not token.binary and stack and self.tokens[stack[-1]].text == "<":
                opener = stack.pop()
                match[opener], match[index] = index, opener
                angles.append(opener)
        for opener in angles:
            for inside in range(opener, match[opener] + 1):
                self.tokens[inside].template = True
        return match

    # Scopes, functions and fields.

    def _scope(self, first: int, last: int, owner: str) -> None:
        """Declarations of a namespace or class: finds function bodies and fields."""
        tokens = self.tokens
        fields: list[tuple[str, str]] = []
        begin = index = first
        while index < last:
            text = tokens[index].text
            if text in ("(", "[") or text == "<" and index in self.match:
                index = self.match.get(index, index) + 1
                continue
            if text == ";":
                self._field(begin, index, fields)
                begin = index + 1
            elif text == ":" and index and tokens[index - 1].text in ("public", "private", "protected"):
                begin = index + 1
            elif text == "{":
                index, ends = self._brace(begin, index, owner)
                if ends:
                    begin = index
                continue
            index += 1
        if fields:
            self.fields.append(fields)

    def _brace(self, begin: int, brace: int, owner: str) -> tuple[int, bool]:
        """What the `{` of the declaration at `begin` opens: where to go on, and whether it ended."""
        tokens, close = self.tokens, self.match.get(brace, len(self.tokens) - 1)
        outer = list(self._outer(begin, brace))
        words = self._without_specifiers([tokens[index].text for index in outer])
        if "namespace" in words or words[:1] == ["extern"] and "(" not in words:
            self._scope(brace + 1, close, owner)
            return close + 1, True
        if "enum" in words:
            return close + 1, False
        if {"class", "struct", "union"} & set(words) and "(" not in words:
            kind = next(i for i, word in enumerate(words) if word in ("class", "struct", "union"))
            names = [word for word in words[kind + 1 :] if re.match(r"[A-Za-z_]", word) and word != "final"]
            name = names[0] if names else ""
            self._scope(brace + 1, close, f"{owner}{name}::")
            return close + 1, False
        if "=" in words and "operator" not in words or "(" not in words:
            return close + 1, False  # an initialiser
        called = words.index("(")
        after = words[called + 1 :]
        if (
            ":" in after
            and tokens[brace - 1].kind == "word"
            and tokens[brace - 1].text not in ("const", "noexcept", "override")
        ):
            return close + 1, False  # a member's initialiser
        name = "".join(words[self._name_start(words, called) : called])
        if "consteval" in words:
            return close + 1, True  # run by the compiler only
        function = Function(owner + name, brace + 1, close)
        self._statements(brace + 1, close, function.statements)
        self.functions.append(function)
        return close + 1, True

    @staticmethod
    def _without_specifiers(words: list[str]) -> list[str]:
        """A declaration's words without `alignas()` and `requires()`, whose brackets hold no parameters."""
        result: list[str] = []
        index = 0
        while index < len(words):
            if words[index] in ("alignas", "requires") and words[index + 1 : index + 2] == ["("]:
                index += 3
            else:
                result.append(words[index])
                index += 1
        return result

    def _name_start(self, words: list[str], called: int) -> int:
        start = called - 1
        if "operator" in words[:called]:
            start = words.index("operator")
        while start >= 2 and words[start - 1] == "::":
            start -= 2
        return max(start, 0)

    def _outer(self, first: int, last: int) -> Iterator[int]:
        """Indices in [first, last) outside nested brackets; the brackets themselves are given."""
        index = first
        while index < last:
            yield index
            text = self.tokens[index].text
            if index in self.match and self.match[index] > index and (text in OPENS or text == "<"):
                index = self.match[index]
                if index < last:
                    yield index
            index += 1

    def _field(self, begin: int, end: int, fields: list[tuple[str, str]]) -> None:
        words = [self.tokens[index].text for index in self._outer(begin, end)]
        if "(" in words or {"using", "friend", "static", "typedef", "struct", "class", "enum"} & set(words):
            return
        stop = next((i for i, word in enumerate(words) if word in ("=", "{")), len(words))
        if stop >= 2 and re.match(r"[A-Za-z_]\w*$", words[stop - 1]):
            type_end = next(i for i in range(begin, end) if self.tokens[i].text == words[stop - 1])
            fields.append((" ".join(token.text for token in self.tokens[begin:type_end]), words[stop - 1]))

    # Statements.

    def _statements(self, first: int, last: int, found: list[Statement]) -> None:
        index = first
        while index < last:
            index = max(self._statement(index, last, found), index + 1)

    def _statement(self, index: int, last: int, found: list[Statement]) -> int:
        """One statement from `index`; returns the index after it."""
        tokens, text = self.tokens, self.tokens[index].text
        if text == "{":
            close = self.match.get(index, last)
            self._statements(index + 1, close, found)
            return close + 1
        if text in ("if", "while", "for", "switch"):
            return self._controlled(text, index, last, found)
        if text in ("else", "do", "try", ";"):
            return index + 1
        if text == "catch":
            return self.match.get(index + 1, last) + 1
        if text in ("case", "default"):
            while index < last and not (tokens[index].text == ":" and not tokens[index].template):
                index += 1
            return index + 1
        if text in ("public", "private", "protected"):
            return index + 2
        end = index
        while end < last and tokens[end].text != ";":
            closing = self.match.get(end, -1)
            end = closing + 1 if closing > end else end + 1
        end = min(end + 1, last)
        if text not in DECLARES and not (text == "static" and tokens[index + 1].text == "constexpr"):
            self._lambdas(index, end, found)
            found.append(Statement("return" if text == "return" else "other", index, end))
        return end

    def _controlled(self, word: str, index: int, last: int, found: list[Statement]) -> int:
        opening = index + 1
        if self.tokens[opening].text == "constexpr":
            return self.match[opening + 1] + 1  # the branches are statements of their own
        close = self.match[opening]
        inner = list(self._outer(opening + 1, close))
        stops = [i for i in inner if self.tokens[i].text == ";"]
        condition: tuple[int, int] | None = (opening + 1, close)
        if word == "for":
            condition = (stops[0] + 1, stops[1]) if len(stops) == 2 else None
        elif word == "switch":
            condition = None
        elif stops:
            condition = (stops[-1] + 1, close)
        if condition and (condition[0] >= condition[1] or self.declares(*condition)):
            condition = None
        self._lambdas(opening, close, found)
        statement = Statement(word, opening, close + 1, condition)
        found.append(statement)
        if word != "if":
            return close + 1
        after = self._statement(close + 1, last, found)
        statement.body = (close + 1, after)
        return after

    def _lambdas(self, first: int, last: int, found: list[Statement]) -> None:
        for brace in self.lambda_bodies(first, last):
            self._statements(brace + 1, self.match[brace], found)

    def lambda_bodies(self, first: int, last: int) -> list[int]:
        """The `{` of each lambda in the expression [first, last), the outermost ones."""
        bodies, index = [], first
        while index < last:
            if self.tokens[index].text == "{" and self._opens_lambda(index, first):
                bodies.append(index)
                index = self.match[index]
            index += 1
        return bodies

    def _opens_lambda(self, brace: int, first: int) -> bool:
        before = self.tokens[brace - 1].text
        if before in ("]", "mutable", "noexcept") or before == ")":
            return before != "]" or self.tokens[self.match.get(brace - 1, brace) - 1].kind != "word"
        index = brace - 1  # a result type: `-> Type {`
        while index > first and (
            self.tokens[index].kind == "word"
            or self.tokens[index].template
            or self.tokens[index].text in ("::", "&", "*")
        ):
            index -= 1
        return self.tokens[index].text == "->" and self.tokens[index - 1].text == ")"

    # Expressions.

    def declares(self, first: int, last: int) -> bool:
        return any(self.tokens[index].text == "=" for index in self._outer(first, last))

    def left_of(self, index: int, first: int, rank: float) -> int:
        """Where the left operand of the operator at `index` begins; operators below `rank` end it."""
        place = index
        while place > first:
            token = self.tokens[place - 1]
            opener = self.match.get(place - 1, place)
            if token.text in (")", "]", "}") or token.text == ">" and token.template:
                if opener < first:
                    return place
                place = opener
                continue
            if token.text in OPENS or token.text in (";", "return", "case", "else", "throw", "co_return"):
                return place
            if token.kind == "sign" and token.text in PRECEDENCE and self._is_operator(place - 1):
                if PRECEDENCE[token.text] < rank:
                    return place
            place -= 1
        return place

    def right_of(self, index: int, last: int, rank: float) -> int:
        """Where the right operand of the operator at `index` ends; operators of `rank` and below end it."""
        place = index + 1
        while place < last:
            token = self.tokens[place]
            closing = self.match.get(place, -1)
            if token.text in OPENS or token.text == "<" and token.template:
                if closing < 0 or closing >= last:
                    return place
                place = closing + 1
                continue
            if token.text in (")", "]", "}", ";"):
                return place
            if token.kind == "sign" and token.text in PRECEDENCE and self._is_operator(place):
                if PRECEDENCE[token.text] <= rank:
                    return place
            place += 1
        return place

    def _is_operator(self, index: int) -> bool:
        token = self.tokens[index]
        return token.binary and not token.template

    def chain_start(self, index: int, first: int) -> int:
        """The first token of the postfix expression `a::b(c)[d].e` whose last token is at `index`."""
        place = index
        while True:
            token = self.tokens[place]
            if token.text in (")", "]") or token.text == ">" and token.template:
                place = self.match.get(place, place)
                before = self.tokens[place - 1] if place > first else None
                if before and (
                    before.kind == "word"
                    and before.text not in NO_CALL
                    or before.text in (")", "]")
                    or before.text == ">"
                    and before.template
                ):
                    place -= 1
                    continue
            if place > first and self.tokens[place - 1].text in (".", "->", "::"):
                if place - 2 >= first and (
                    self.tokens[place - 2].kind == "word" or self.tokens[place - 2].text in (")", "]", ">")
                ):
                    place -= 2
                    continue
                place -= 1
            return place

    def slice(self, first: int, last: int) -> str:
        """The text of tokens [first, last) on one line, without comments."""
        parts = []
        for index in range(first, last):
            token = self.tokens[index]
            if index > first and self.tokens[index - 1].end < token.start:
                parts.append(" ")
            parts.append(token.text)
        return "".join(parts)
