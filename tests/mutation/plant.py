"""Chooses faults and writes the copy of the tree that holds them all behind one run-time switch."""

import collections
import hashlib
import os
import pathlib
import re

import rules
from cpp_source import Source
from rules import Mutant

NUMBERS = 65535  # kMutantsMax - 1 of mutant.h; 0 is no fault
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
SKIPPED = {"build", ".git", "demo-output", "__pycache__", ".cache", ".idea", ".vscode"}


def rank(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}|{name}".encode()).hexdigest()


def headers_of(root: pathlib.Path, module: str, sources: list[str]) -> list[str]:
    """The module's own headers that the sources include, directly or not: others are not compiled here."""
    folders = [root / module / "include", root / module / "src", root / module]
    found: set[str] = set()
    waiting = [root / source for source in sources]
    while waiting:
        file = waiting.pop()
        for name in INCLUDE.findall(file.read_text()):
            for folder in (file.parent, *folders):
                header = (folder / name).resolve()
                if header.is_file() and header.is_relative_to(root / module):
                    path = header.relative_to(root).as_posix()
                    if path not in found:
                        found.add(path)
                        waiting.append(header)
                    break
    return sorted(found)


def candidates(
    root: pathlib.Path, modules: dict[str, list[str]]
) -> tuple[dict[str, list[Mutant]], dict[str, Source]]:
    """Every fault that the rules allow, per module; `modules` gives each module's compiled sources."""
    files = {module: sources + headers_of(root, module, sources) for module, sources in modules.items()}
    parsed = {}
    for paths in files.values():
        for path in paths:
            try:
                parsed[path] = Source((root / path).read_text())
            except (ValueError, KeyError, IndexError) as error:
                raise SystemExit(f"mutation: {path} is not understood: {error!r}") from error
    siblings = rules.siblings_of(list(parsed.values()))
    found = {
        module: [mutant for path in paths for mutant in rules.Planter(path, parsed[path], siblings).all()]
        for module, paths in files.items()
    }
    return found, parsed


def choose(found: list[Mutant], count: int, seed: str, withdrawn: set[str]) -> list[Mutant]:
    """`count` faults, file by file in turn, of the rule used least; a hash of the name decides."""
    by_file: dict[str, list[Mutant]] = collections.defaultdict(list)
    for mutant in found:
        if mutant.key not in withdrawn:
            by_file[mutant.path].append(mutant)
    order = sorted(by_file, key=lambda path: rank(seed, path.rpartition("/")[2]))
    ranks = {mutant.key: rank(seed, mutant.name) for mutant in found}
    chosen: list[Mutant] = []
    # A rule whose faults did not compile gives way to others.
    used = collections.Counter(one.rule for one in found if one.key in withdrawn)
    while len(chosen) < count and any(by_file.values()):
        for path in order:
            if len(chosen) == count or not by_file[path]:
                continue
            here = [one for one in chosen if one.path == path]
            lines = {one.line for one in here}
            best = min(by_file[path], key=lambda one: (used[one.rule], one.line in lines, ranks[one.key]))
            by_file[path].remove(best)
            if any(_cross(best, one) for one in here):
                continue
            chosen.append(best)
            used[best.rule] += 1
    return chosen


def _cross(one: Mutant, other: Mutant) -> bool:
    """Whether the two overlap without one lying in the other."""
    apart = one.last <= other.first or other.last <= one.first
    inside = one.first <= other.first and other.last <= one.last
    around = other.first <= one.first and one.last <= other.last
    return not (apart or inside or around)


def give_numbers(chosen: list[Mutant]) -> None:
    """A fault keeps its number while others come and go, so that a changed choice recompiles little."""
    taken: set[int] = set()
    for mutant in sorted(chosen, key=lambda one: one.key):
        number = int(rank("number", mutant.name)[:8], 16) % NUMBERS + 1
        while number in taken:
            number = number % NUMBERS + 1
        taken.add(number)
        mutant.number = number


def planted(source: Source, chosen: list[Mutant]) -> str:
    """The source with its faults. Lines keep their numbers, for the compiler's complaints."""
    ordered = sorted(chosen, key=lambda one: (one.first, -one.last, one.number))

    def render(start: int, end: int, inside: list[Mutant]) -> str:
        parts, place = [], start
        while inside:
            mutant = inside[0]
            begin, stop = source.tokens[mutant.first].start, source.tokens[mutant.last - 1].end
            nested = [one for one in inside[1:] if one.last <= mutant.last]
            parts.append(source.text[place:begin])
            parts.append(wrapped(mutant, render(begin, stop, nested)))
            inside = inside[1 + len(nested) :]
            place = stop
        parts.append(source.text[place:end])
        return "".join(parts)

    return render(0, len(source.text), ordered)


def wrapped(mutant: Mutant, text: str) -> str:
    """`text` with its fault, on as many lines as before."""
    switch = f"::sotto_mutant({mutant.number})"
    if mutant.form == "force_true":
        return f"({switch} || ({text}))"
    if mutant.form == "force_false":
        return f"(!{switch} && ({text}))"
    if mutant.form == "drop":
        return f"{{ if (!{switch}) {text} }}"
    if mutant.form == "ignore_error":
        return f"{{ if ({switch}) {{ static_cast<void>{mutant.after} }} else {text} }}"
    return f"({switch} ? ({mutant.after}) : ({text}))"


def read_tree(root: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its mode, once: a tree that is edited meanwhile is measured as it was."""
    return {path: ((root / path).read_bytes(), (root / path).stat().st_mode) for path in files(root)}


def write_copy(tree: dict[str, tuple[bytes, int]], copy: pathlib.Path, texts: dict[str, str]) -> None:
    """Copies the tree, with `texts` by path in place. Writes only what changed; removes what is gone."""
    for path, (original, mode) in tree.items():
        content = texts[path].encode() if path in texts else original
        target = copy / path
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(mode)
    for path in files(copy):
        if path not in tree:
            (copy / path).unlink()


def files(root: pathlib.Path) -> list[str]:
    found = []
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        paths = [pathlib.Path(directory, name) for name in names if name != ".git"]
        found += [path.relative_to(root).as_posix() for path in paths if not path.is_symlink()]
    return found
