#!/usr/bin/env python3
"""Commands in the documents name things that exist, links between documents resolve, what a document shows as
a change is in the tree, and what a document shows as the program's output is its output.

check_documents.py [--root TREE] [--sotto BINARY] [--fix]
With --sotto the subcommands and options of every `sotto` command are looked up in the binary's own --help,
and `<!-- output of: sotto ... -->` up to `<!-- end of output -->` is compared with what it prints;
--fix writes that in.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys

import tree

# Programs that a document may call besides the project's own. Subcommands of cmake
# and ctest are checked further.
KNOWN_PROGRAMS = {"apt-get", "cat", "cd", "cmake", "cp", "ctest", "curl", "docker", "git", "install", "jobs",
                  "kill", "ls", "mkdir", "openssl",
                  "podman", "python3", "sqlite3", "sudo", "systemctl", "systemd-analyze", "tar", "unzip",
                  "wait", "wget", "xdg-open"}
# Also as part of a list, where it is indented.
BLOCK = re.compile(r"^ *```sh[ \t]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
DIFF = re.compile(r"^```diff\n(.*?)^```", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"^<!-- output of: sotto ([^\n]+?) -->\n(.*?)^<!-- end of output -->$",
                    re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"^[A-Z_][A-Z0-9_]*=")
# A loop's own words: "do COMMAND" is a command, "for n in ..." and "done" are none.
LEADING_KEYWORDS = {"do", "then", "else"}
LOOP_KEYWORDS = {"for", "while", "until", "if", "done", "fi"}
SEPARATORS = {"|", "||", "&&", ";", "&", "(", ")"}
PROGRAM_PLACE = re.compile(r"^(?:\./)?build/([^/]+)/(bin|bench)/([\w.-]+)$")


def commands(document: str) -> list[tuple[int, list[str]]]:
    """(line, words) of every simple command in the fenced sh blocks."""
    found = []
    for block in BLOCK.finditer(document):
        line = document.count("\n", 0, block.start(1)) + 1
        for text in re.split(r"(?<!\\)\n", block.group(1)):
            joined = text.replace("\\\n", " ")
            lexer = shlex.shlex(joined.removeprefix("$ "), posix=True, punctuation_chars="|&;()")
            lexer.whitespace_split = True
            words: list[str] = []
            for token in list(lexer) + [";"]:
                if token in SEPARATORS:
                    while words and (ASSIGNMENT.match(words[0]) or words[0] in LEADING_KEYWORDS):
                        words.pop(0)
                    if words and words[0] not in LOOP_KEYWORDS:
                        found.append((line, words))
                    words = []
                else:
                    words.append(token)
            line += text.count("\n") + 1
    return found


def built_programs(root: pathlib.Path) -> set[str]:
    names = set()
    for path in tree.files(root):
        if path.endswith("CMakeLists.txt"):
            names |= set(re.findall(r"\b(?:add_executable|sotto_test|sotto_benchmark)\(\s*([\w-]+)",
                                    tree.text(root, path) or ""))
    return names


def presets(root: pathlib.Path) -> set[str]:
    file = root / "CMakePresets.json"
    if not file.exists():
        return set()
    return {preset["name"] for preset in json.loads(file.read_text())["configurePresets"]
            if not preset.get("hidden")}


class SottoHelp:
    """What `sotto SUBCOMMAND --help` says, asked once per subcommand."""

    def __init__(self, binary: pathlib.Path | None):
        self.binary = binary
        self.answers: dict[tuple[str, ...], str | None] = {}

    def text(self, subcommand: tuple[str, ...]) -> str | None:
        if subcommand not in self.answers:
            run = subprocess.run([str(self.binary), *subcommand, "--help"], capture_output=True, text=True,
                                 timeout=30, stdin=subprocess.DEVNULL, check=False)
            self.answers[subcommand] = run.stdout if run.returncode == 0 else None
        return self.answers[subcommand]

    def problem(self, words: list[str]) -> str | None:
        if self.binary is None:
            return None
        subcommand: tuple[str, ...] = ()
        for word in words[1:3]:
            # The second plain word may be an argument: `sotto simulate motion` but `sotto task create`.
            if word.startswith("-") or self.text((*subcommand, word)) is None:
                break
            if subcommand and self.text((*subcommand, word)) == self.text(subcommand):
                break
            subcommand = (*subcommand, word)
        if len(words) > 1 and not words[1].startswith("-") and not subcommand:
            return f"sotto has no subcommand '{words[1]}'"
        help_text = self.text(subcommand) or ""
        for word in words[1:]:
            option = word.split("=")[0]
            if re.match(r"--?[a-zA-Z]", option) and not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])",
                                                                  help_text):
                return f"sotto {' '.join(subcommand)} has no option '{option}'"
        return None


def command_problem(root: pathlib.Path, words: list[str], programs: set[str], sotto: SottoHelp) -> str | None:
    if words[0] == "sudo":
        words = [word for word in words[1:]]
    program = words[0]
    built = PROGRAM_PLACE.match(program)
    if program == "sotto" or (built and built.group(3) == "sotto"):
        if "sotto" not in programs:
            return "nothing builds a program named 'sotto'"
        return sotto.problem(words)
    if built:
        known = built.group(1).startswith("<") or built.group(1) in presets(root)
        if not known:
            return f"there is no preset '{built.group(1)}'"
        return None if built.group(3) in programs else f"nothing builds '{built.group(3)}'"
    for word in words[1:] if program in ("cmake", "ctest") else []:
        if words[words.index(word) - 1] == "--preset" and word not in presets(root):
            return f"there is no preset '{word}'"
    if "/" in program:
        return None if (root / program).is_file() else f"there is no file '{program}'"
    return None if program in KNOWN_PROGRAMS else f"'{program}' is neither the project's nor a known program"


def anchors(document: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def link_problems(root: pathlib.Path, path: str, document: str) -> list[str]:
    problems = []
    # What stands in code is not a link.
    prose = re.sub(r"```.*?```|`[^`\n]*`", lambda code: re.sub(r"[^\n]", " ", code.group(0)), document,
                   flags=re.DOTALL)
    for match in LINK.finditer(prose):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (root / path).parent / name if name else root / path
        line = prose.count("\n", 0, match.start()) + 1
        if not file.exists():
            problems.append(f"{path}:{line}: link to '{target}', which does not exist")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            problems.append(f"{path}:{line}: link to '{target}', which has no such heading")
    return problems


def diff_problems(root: pathlib.Path, path: str, document: str) -> list[str]:
    """Added lines of a diff that the file they were added to does not have."""
    problems = []
    for block in DIFF.finditer(document):
        line = document.count("\n", 0, block.start(1))
        target, content = "", []
        for text in block.group(1).splitlines():
            line += 1
            if text.startswith("+++ b/"):
                target = text.removeprefix("+++ b/")
                content = (tree.text(root, target) or "").splitlines() if (root / target).is_file() else []
            elif text.startswith("+") and text[1:] not in content:
                problems.append(f"{path}:{line}: '{target}' has no line '{text[1:].strip()}'")
    return problems


def output_of(sotto_binary: pathlib.Path, arguments: str) -> str:
    run = subprocess.run([str(sotto_binary), *shlex.split(arguments)], capture_output=True, text=True,
                         timeout=30, stdin=subprocess.DEVNULL, check=False)
    return run.stdout if run.returncode == 0 else f"(exit code {run.returncode})\n"


def output_problems(path: str, document: str, sotto_binary: pathlib.Path) -> list[str]:
    """Blocks that are not, or no longer, what the program prints."""
    problems = []
    for block in OUTPUT.finditer(document):
        if block.group(2) != output_of(sotto_binary, block.group(1)):
            line = document.count("\n", 0, block.start()) + 1
            problems.append(f"{path}:{line}: differs from what `sotto {block.group(1)}` prints; "
                            "tests/tidy/check_documents.py --sotto BINARY --fix writes it in")
    return problems


def fix(root: pathlib.Path, sotto_binary: pathlib.Path) -> None:
    def shown(block: re.Match) -> str:
        command = block.group(1)
        output = output_of(sotto_binary, command)
        return f"<!-- output of: sotto {command} -->\n{output}<!-- end of output -->"

    for path in tree.files(root):
        document = tree.text(root, path) or ""
        if path.endswith(".md") and OUTPUT.search(document):
            (root / path).write_text(OUTPUT.sub(shown, document))


def check(root: pathlib.Path, sotto_binary: pathlib.Path | None = None) -> list[str]:
    problems = []
    programs = built_programs(root)
    sotto = SottoHelp(sotto_binary)
    for path in tree.files(root):
        if not path.endswith(".md"):
            continue
        document = tree.text(root, path) or ""
        problems += link_problems(root, path, document)
        problems += diff_problems(root, path, document)
        if sotto_binary is not None:
            problems += output_problems(path, document, sotto_binary)
        for line, words in commands(document):
            problem = command_problem(root, words, programs, sotto)
            if problem:
                problems.append(f"{path}:{line}: {problem}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=tree.ROOT)
    parser.add_argument("--sotto", type=pathlib.Path)
    parser.add_argument("--fix", action="store_true")
    options = parser.parse_args()
    if options.sotto is None or not options.sotto.exists():
        print("no sotto binary given: its subcommands and options are not looked up")
        options.sotto = None
    if options.fix and options.sotto is not None:
        fix(options.root, options.sotto)
    return tree.fail_if(check(options.root, options.sotto), "documents")


if __name__ == "__main__":
    sys.exit(main())
