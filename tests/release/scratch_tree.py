"""A repository of some files, made in a temporary directory."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Nobody's own settings, and commits whose hash does not depend on the hour.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(("GIT_", "SOTTO_COMMIT"))} | {
"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@localhost", "GIT_AUTHOR_DATE": "1767225600 +0000",
"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@localhost", "GIT_COMMITTER_DATE": "1767225600 +0000",
}


class ScratchTree(unittest.TestCase):
    """`self.root` is a repository at one commit, of the files named in FILES and of what prepare() writes."""
    FILES: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.scratch = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.scratch)
        self.root = self.scratch / "tree"
        for name in self.FILES:
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        self.prepare()
        self.git("init", "--quiet")
        self.commit()

    def prepare(self) -> None:
        """Writes further files before the first commit."""

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", "-C", str(self.root), *arguments], capture_output=True, text=True,
                              check=True, env=ENVIRONMENT).stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A commit")
