"""The commit that `sotto --version` names: in a work tree, with changes, in a tarball, in a container."""
import os
import pathlib
import re
import subprocess
import tarfile
import unittest

from scratch_tree import ENVIRONMENT, ROOT, ScratchTree

CMAKE = os.environ.get("SOTTO_CMAKE", "cmake")
BINARY = os.environ.get("SOTTO_BINARY")


class Commit(ScratchTree):
    FILES = ("cmake/write_commit.cmake", "cmake/archive_commit.txt", ".gitattributes")

    def written(self, source: pathlib.Path, **environment: str) -> str:
        file = self.scratch / "commit.cc"
        subprocess.run([CMAKE, f"-DSOURCE={source}", f"-DFILE={file}", "-P",
                        str(source / "cmake/write_commit.cmake")],
                       check=True, env=ENVIRONMENT | environment)
        return re.search(r'return "(.*)";', file.read_text()).group(1)

    def unpacked(self, directory: pathlib.Path) -> pathlib.Path:
        """The tree as a tarball has it, below `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        self.git("archive", "--format=tar", "--prefix=sotto/", "--output", str(self.scratch / "sotto.tar"),
                 "HEAD")
        with tarfile.open(self.scratch / "sotto.tar") as archive:
            archive.extractall(directory)
        return directory / "sotto"

    def head(self) -> str:
        return self.git("rev-parse", "--short=12", "HEAD")

    def test_a_work_tree_is_at_its_commit(self) -> None:
        (self.root / "not_added").write_text("")
        self.assertEqual(self.written(self.root), self.head())

    def test_changes_are_owned_up_to(self) -> None:
        with open(self.root / ".gitattributes", "a", encoding="utf-8") as file:
            file.write("# changed\n")
        self.assertEqual(self.written(self.root), self.head() + "+changes")
        self.git("add", "--all")
        self.assertEqual(self.written(self.root), self.head() + "+changes")

    def test_a_tarball_knows_its_commit(self) -> None:
        self.assertEqual(self.written(self.unpacked(self.scratch / "elsewhere")), self.head())

    def test_a_tarball_inside_another_repository_is_not_at_its_commit(self) -> None:
        commit = self.head()
        source = self.unpacked(self.root / "third_party")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Sotto inside")
        self.assertNotEqual(self.head(), commit)
        self.assertEqual(self.written(source), commit)

    def test_files_from_nowhere_say_so(self) -> None:
        (self.root / ".git").rename(self.scratch / "put_away")
        self.assertEqual(self.written(self.root), "unknown commit")

    def test_whoever_builds_may_say_it(self) -> None:
        self.assertEqual(self.written(self.root, SOTTO_COMMIT="0123456789ab"), "0123456789ab")

    def test_the_same_commit_leaves_the_file_alone(self) -> None:
        self.written(self.root)
        file = self.scratch / "commit.cc"
        os.utime(file, (1, 1))
        self.written(self.root)
        self.assertEqual(file.stat().st_mtime, 1)


class Version(unittest.TestCase):
    def test_every_form_of_it_is_read_from_one_file(self) -> None:
        version = (ROOT / "VERSION").read_text().strip()
        elsewhere = subprocess.run(["grep", "-rlF", "--exclude-dir=build", "--exclude-dir=tests",
                                    "--include=CMakeLists.txt", "--include=*.py", "--include=*.cc",
                                    f'"{version}"', str(ROOT)], capture_output=True, text=True,
                                   check=False).stdout
        self.assertEqual(elsewhere, "")

    @unittest.skipIf(BINARY is None, "built without gRPC, so there is no binary")
    def test_the_binary_says_version_and_commit(self) -> None:
        said = subprocess.run([BINARY, "--version"], capture_output=True, text=True,
                              check=True).stdout.strip()
        version = re.escape((ROOT / "VERSION").read_text().strip())
        self.assertRegex(said, rf"^{version} \(([0-9a-f]{{12}}(\+changes)?|unknown commit)\)$")


if __name__ == "__main__":
    unittest.main()
