"""Where functions of C++ and Python sources begin and end: near enough to say which are too long.

For C++ this is no parser. It knows braces, parentheses, comments, literals and directives,
and takes for a function
whatever opens a brace outside of functions and is neither a scope
nor a list of values. So it never overlooks a body, and
may name it after the last word before its parentheses.
"""
import ast
import re
from typing import NamedTuple


class Function(NamedTuple):
    name: str
    line: int  # of the first word of its head
    lines: int  # to the closing brace, both included


LITERAL = re.compile(
    r'R"(?P<raw>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=raw)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9a-zA-Z_])(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+'"
    r"|//[^\n]*|/\*(?:.|\n)*?\*/")
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
SCOPE = re.compile(r"^(inline\s+)?(namespace|class|struct|union|enum|extern)\b")
TEMPLATE = re.compile(r"^template\s*<")


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_literals(source: str) -> str:
    """Comments and literals blanked; every line keeps its number."""
    return LITERAL.sub(lambda found: blank(found.group(0)), source)


def without_directives(code: str) -> str:
    """Directives blanked, and of each #if only its first branch left, so that braces match."""
    kept, position, taken = [], 0, [True]
    for directive in DIRECTIVE.finditer(code):
        between = code[position:directive.start()]
        kept.append(between if all(taken) else blank(between))
        kept.append(blank(directive.group(0)))
        position = directive.end()
        word = re.match(r"\s*#\s*(\w*)", directive.group(0)).group(1)
        if word in ("if", "ifdef", "ifndef"):
            taken.append(True)
        elif word in ("else", "elif"):
            taken[-1] = False
        elif word == "endif" and len(taken) > 1:
            taken.pop()
    kept.append(code[position:])
    return "".join(kept)


def without_template_heads(head: str) -> str:
    """`template <...>` in front of a declaration taken off, brackets matched."""
    head = head.strip()
    while TEMPLATE.match(head):
        depth = 0
        for index, character in enumerate(head):
            depth += {"<": 1, ">": -1}.get(character, 0)
            if character == ">" and depth == 0:
                head = head[index + 1:].strip()
                break
        else:
            return ""
    return head


def outermost(head: str) -> str:
    """Without what is inside parentheses."""
    kept, depth = [], 0
    for character in head:
        if character == ")":
            depth -= 1
        if depth == 0:
            kept.append(character)
        if character == "(":
            depth += 1
    return "".join(kept)


def function_name(head: str) -> str | None:
    """What a head that opens a brace outside of functions is called, None when it is no function's."""
    head = re.sub(r"\[\[.*?\]\]", " ", head, flags=re.DOTALL)
    head = without_template_heads(head)
    if SCOPE.match(head) and not re.search(r"\)\s*(const|noexcept|override|final|\s)*$", head):
        return None
    plain = re.sub(r"\boperator\s*(\(\s*\)|[^\s(]+)", "operator", outermost(head))
    value = re.search(r"([\w:]+)\s*(\[[^\]]*\]\s*)?=(?P<value>.*)", plain.split("(")[0], re.DOTALL)
    if value:
        # a lambda with a name, or data
        return value.group(1) if value.group("value").lstrip().startswith("[") else None
    name = re.search(r"([\w:~]+)\s*\(", plain)
    return name.group(1) if name else None


def cpp_functions(source: str) -> list[Function]:
    code = without_directives(without_literals(source))
    found: list[Function] = []
    # One entry for each open brace: None for a scope, (name, line) for a function or a list of values.
    scopes: list[tuple[str, int] | None] = []
    start = 0  # of the head
    line = 1
    inside = 0  # how deep in a function or a list
    parentheses = 0
    for position, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character in "()" and inside == 0:
            parentheses += 1 if character == "(" else -1
        elif character == "{":
            if inside > 0 or parentheses > 0:
                inside += 1
                scopes.append(("", line))
                continue
            text = re.sub(r"^\s*((public|private|protected)\s*:\s*)*", "", code[start:position])
            name = function_name(text)
            if name is None and "=" not in outermost(text):
                scopes.append(None)
            else:
                inside = 1
                scopes.append((name or "", line - text.count("\n")))
            start = position + 1
        elif character == "}":
            opened = scopes.pop() if scopes else None
            if opened is not None:
                inside -= 1
                if inside == 0 and opened[0]:
                    found.append(Function(opened[0], opened[1], line - opened[1] + 1))
            if inside == 0:
                start = position + 1
        elif character == ";" and inside == 0 and parentheses == 0:
            start = position + 1
    return found


def python_functions(source: str) -> list[Function]:
    return [Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
