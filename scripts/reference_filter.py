"""Headers as Doxygen wants them.

The project's comments are plain: what stands right above a declaration, or behind it, is about it; what
stands at the head of a header, or above a group of types, is about all that follow. Doxygen asks for marks
and for one comment each, so these are set here, line by line,
and what it would take for commands or tags is escaped.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "tidy"))
import functions  # noqa: E402

ABOVE = re.compile(r"^(\s*)//(?!/)(.*)$")
BEHIND = re.compile(r"^(?P<code>\s*[^\s/].*?[;,{}]|\s*[\w:]+)(?P<gap>\s*)//(?!/)(?P<text>.*)$")
C_ABOVE = re.compile(r"^(\s*)/\*(?!\*)(.*)$")
C_BEHIND = re.compile(r"^(\s*[^\s/].*?[;,])(\s*)/\*(.*?)\*/\s*$")
NOT_DECLARED = re.compile(r"^\s*(#|\}|//|$)")
TEMPLATE = re.compile(r"^\s*template\s*<[^;]*>$")
# Not one that is only named: "struct Digest;".
TYPE = re.compile(r"^\s*(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\s[^;{]*(\{.*)?$")


def escaped(text: str) -> str:
    """Commands and tags as plain text; what stands in backquotes is left alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if index % 2 else re.sub(r"[\\@<>#%&]", lambda found: "\\" + found.group(0), part)
                   for index, part in enumerate(parts))


def lines_inside_functions(source: str) -> set[int]:
    inside: set[int] = set()
    for function in functions.cpp_functions(source):
        inside.update(range(function.line + 1, function.line + function.lines - 1))
    return inside


class Header:
    """One header on its way: a line in, a line out, so that warnings name the right one."""

    def __init__(self, source: str):
        self.lines = source.split("\n")
        self.inside = lines_inside_functions(source)
        self.group = ""  # the last comment that was about a type, or the head
        self.behind_column = -1  # of a comment behind a declaration, which may go on below it
        self.in_c_comment = False

    def line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""

    def comment_length(self, index: int) -> int:
        """How many lines from `index` on are one comment about what follows it,
        or about the file; 0: none."""
        end = index
        while ABOVE.match(self.line(end)):
            end += 1
        about_file = index == 0 and self.line(end).startswith("#pragma once")
        return end - index if about_file or not NOT_DECLARED.match(self.line(end)) else 0

    def comment(self, index: int) -> tuple[list[str], int]:
        """The comment that begins at `index`, and how many lines of the header it takes."""
        length = self.comment_length(index)
        if length == 0:
            return [self.line(index)], 1
        found = [ABOVE.match(self.line(at)) for at in range(index, index + length)]
        out = [f"{each.group(1)}///{escaped(each.group(2))}" for each in found]
        after = index + length
        if index == 0 or TYPE.match(self.line(after)) or TEMPLATE.match(self.line(after)):
            self.group = escaped(" ".join(each.group(2).strip() for each in found))
        if index == 0:
            return out + ["/// @file"], length + 1  # in place of the pragma
        if after < len(self.lines):
            return out + [self.declaration(after)], length + 1
        return out, length

    def declaration(self, index: int) -> str:
        """A line that is no comment of its own, with what stands behind it."""
        line = self.line(index)
        if self.in_c_comment:
            self.in_c_comment = "*/" not in line
            return escaped(line)
        behind = BEHIND.match(line)
        if behind and index + 1 not in self.inside:
            self.behind_column = len(behind["code"] + behind["gap"])
            return f"{behind['code']}{behind['gap']}///< {escaped(behind['text'].strip())}"
        self.behind_column = -1
        behind = C_BEHIND.match(line)
        if behind:
            return f"{behind.group(1)}{behind.group(2)}/**< {escaped(behind.group(3).strip())} */"
        above = C_ABOVE.match(line)
        if above is None:
            return line
        self.in_c_comment = "*/" not in line
        return f"{above.group(1)}/**{escaped(above.group(2))}"

    def next(self, index: int) -> tuple[list[str], int]:
        line = self.line(index)
        above = ABOVE.match(line)
        if above and len(above.group(1)) == self.behind_column:
            return [f"{above.group(1)}///< {escaped(above.group(2).strip())}"], 1
        if above and index + 1 not in self.inside:
            self.behind_column = -1
            return self.comment(index)
        previous = self.line(index - 1) if index > 0 else ""
        begins = TYPE.match(line) and not TEMPLATE.match(previous) or TEMPLATE.match(line)
        if begins and self.group and not previous.rstrip().endswith("*/"):
            return [f"/** {self.group} */ {self.declaration(index)}"], 1
        if self.lines[0].startswith("/*") and line.strip() == "*/" and self.group == "":
            self.group, self.in_c_comment = "See the head of the header.", False
            return [" @file */"], 1
        return [self.declaration(index)], 1


def filtered(source: str) -> str:
    header = Header(source)
    out: list[str] = []
    index = 0
    while index < len(header.lines):
        lines, taken = header.next(index)
        out += lines
        index += taken
    return "\n".join(out)
