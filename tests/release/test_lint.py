"""scripts/lint: which sources it looks at. The tools are stand-ins that write down what they are given."""
import json
import os
import pathlib
import subprocess
import unittest

from scratch_tree import ENVIRONMENT, ScratchTree

TOOLS = {
    "tools/clang-format": '#!/bin/sh\nfor file; do\n  case $file in -*) continue ;; esac\n'
                          '  ! grep -q CROOKED "$file" || exit 1\ndone\n',
    "tools/clang-tidy": '#!/bin/sh\nfor file; do case $file in *.cc) echo "looks at $file" ;; esac; done\n',
    "scripts/build": "#!/bin/sh\ntrue\n",
}


class Lint(ScratchTree):
    FILES = ("scripts/lint", ".gitignore")

    def prepare(self) -> None:
        for name, content in TOOLS.items():
            self.write(name, content)
            (self.root / name).chmod(0o755)
        for name in ("a.cc", "b.cc", "c.h"):
            self.write(name, "int a;\n")

    def write(self, name: str, content: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(content)

    def lint(self, *arguments: str) -> tuple[int, str]:
        compiled = [{"file": str(path), "command": "c++"} for path in self.root.glob("*.cc")]
        self.write("build/dev/compile_commands.json", json.dumps(compiled, indent=0))
        done = subprocess.run([self.root / "scripts/lint", *arguments], capture_output=True, text=True,
                              check=False,
                              env=ENVIRONMENT | {"PATH": f"{self.root / 'tools'}:{os.environ['PATH']}"})
        return done.returncode, done.stdout + done.stderr

    def looked_at(self, *arguments: str) -> set[str]:
        code, said = self.lint(*arguments)
        self.assertEqual(code, 0, said)
        return {line.removeprefix("looks at ") for line in said.splitlines() if line.startswith("looks at ")}

    def test_every_source_when_none_is_named(self) -> None:
        self.assertEqual(self.looked_at(), {"a.cc", "b.cc"})
        self.assertEqual(self.looked_at("b.cc", "c.h"), {"b.cc"})

    def test_what_changed_since_the_main_branch_was_left(self) -> None:
        self.git("branch", "--move", "main")
        self.git("checkout", "--quiet", "-b", "change")
        self.write("b.cc", "int b;\n")
        self.commit()
        self.write("new.cc", "int c;\n")
        self.commit()
        self.assertEqual(self.looked_at("--changed"), {"b.cc", "new.cc"})
        self.assertEqual(self.looked_at("--changed", "HEAD^"), {"new.cc"})

    def test_on_the_main_branch_what_the_last_commit_changed(self) -> None:
        self.git("branch", "--move", "main")
        self.write("a.cc", "int changed;\n")
        self.commit()
        (self.root / "b.cc").unlink()
        self.git("commit", "--quiet", "--all", "--message", "One goes")
        self.assertEqual(self.looked_at("--changed"), set())
        self.assertEqual(self.looked_at("--changed", "HEAD~2"), {"a.cc"})

    def test_without_history_formatting_is_all(self) -> None:
        (self.root / ".git").rename(self.scratch / "put_away")
        code, said = self.lint("--changed")
        self.assertEqual(code, 0, said)
        self.assertIn("3 files are formatted", said)
        self.assertIn("no history", said)

    def test_a_large_change_is_looked_at_in_part_and_says_so(self) -> None:
        for number in range(30):
            self.write(f"new_{number}.cc", "int a;\n")
        self.commit()
        code, said = self.lint("--changed", "HEAD^")
        self.assertEqual((code, said.count("looks at new_")), (0, 12), said)
        self.assertIn("30 sources changed", said)

    def test_formatting_is_of_every_file(self) -> None:
        self.write("c.h", "CROOKED\n")
        self.commit()
        self.write("a.cc", "int changed;\n")
        self.commit()
        self.assertNotEqual(self.lint("--changed")[0], 0)

    def test_a_finding_fails(self) -> None:
        self.write("tools/clang-tidy", "#!/bin/sh\nexit 1\n")
        self.assertNotEqual(self.lint("a.cc")[0], 0)

    def test_an_unknown_option_is_refused(self) -> None:
        self.assertEqual(self.lint("--chagned")[0], 2)


if __name__ == "__main__":
    unittest.main()
