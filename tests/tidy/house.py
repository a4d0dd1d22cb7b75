"""The house as ARCHITECTURE.md draws it: which modules lie on one line, and which may include which.

The include check has no list of its own: it reads the picture and the table below it.
"""
import dataclasses
import pathlib
import re

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "ARCHITECTURE.md"
EVERYTHING = "every module below"


@dataclasses.dataclass
class House:
    # From the roof down; modules of one line.
    lines: list[list[str]]
    # module -> modules that it may include besides itself.
    may_include: dict[str, set[str]]


def section(text: str) -> str:
    found = re.search(r"^## The house$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def read_picture(text: str) -> list[list[str]]:
    """The lines of the first block: its words that end with a slash."""
    block = re.search(r"^```\n(.*?)^```$", section(text), re.MULTILINE | re.DOTALL)
    lines = block.group(1).splitlines() if block else []
    return [names for names in (re.findall(r"(?<!\S)([a-z-]+)/(?=\s|$)", line) for line in lines) if names]


def read(text: str) -> House:
    """The picture, and the table whose heading is | module | may include | job |."""
    lines = read_picture(text)
    table = {}
    for name, cell in re.findall(r"^\| `([a-z-]+)/` \|([^|]*)\|", section(text), re.MULTILINE):
        named = set(re.findall(r"`([a-z-]+)`", cell))
        table[name] = below(name, lines) - named if EVERYTHING in cell else named
    return House(lines, table)


def below(module: str, lines: list[list[str]]) -> set[str]:
    """The modules on the lines below that of `module`."""
    line = next((index for index, names in enumerate(lines) if module in names), len(lines))
    return {name for names in lines[line + 1:] for name in names}


def problems(house: House) -> list[str]:
    """Where picture and table disagree."""
    height = {name: len(house.lines) - index for index, names in enumerate(house.lines) for name in names}
    found = [f"ARCHITECTURE.md: {name}/ is in the table and not in the picture"
             for name in house.may_include if name not in height]
    for name, included in house.may_include.items():
        for other in sorted(included):
            if other not in height:
                found.append(f"ARCHITECTURE.md: {name}/ may include '{other}', which is no module")
            elif height.get(name, 0) <= height[other]:
                found.append(f"ARCHITECTURE.md: {name}/ may include {other}, "
                             "which is not below it in the picture")
    if not house.lines or not house.may_include:
        found.append("ARCHITECTURE.md: no picture or no table of modules in 'The house'")
    return found
