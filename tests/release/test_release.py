"""scripts/release: what it writes, and what it refuses."""
import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import unittest

from scratch_tree import ENVIRONMENT, ROOT, ScratchTree

sys.path.insert(0, str(ROOT / "scripts"))
import sbom  # noqa: E402

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-01

### Added

* Something new.
"""


class Release(ScratchTree):
    FILES = ("scripts/release", "scripts/sbom.py", "scripts/install-dependencies", "cmake/Dependencies.cmake",
             "cmake/archive_commit.txt", ".gitattributes", ".gitignore")

    def prepare(self) -> None:
        (self.root / "VERSION").write_text("1.2.3\n")
        (self.root / "CHANGELOG.md").write_text(CHANGELOG)

    def release(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-B", str(self.root / "scripts/release"), "--output",
                               str(self.output()),
                               *arguments], capture_output=True, text=True, check=False, env=ENVIRONMENT)

    def output(self) -> pathlib.Path:
        return self.scratch / "files"

    def assert_refused(self, reason: str) -> None:
        for arguments in ((), ("--dry-run",)):
            answer = self.release(*arguments)
            self.assertEqual(answer.returncode, 1, answer.stdout)
            self.assertIn(reason, answer.stderr)
            self.assertFalse(self.output().exists())

    def test_writes_tarball_materials_and_sums_and_tags_the_commit(self) -> None:
        answer = self.release()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        files = {path.name: path.read_bytes() for path in self.output().iterdir()}
        self.assertEqual(set(files), {"sotto-1.2.3.tar.gz", "sotto-1.2.3.spdx.json", "SHA256SUMS"})
        self.assertEqual(files["SHA256SUMS"].decode(), "".join(
            f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n"
            for name in ("sotto-1.2.3.tar.gz", "sotto-1.2.3.spdx.json")))
        self.assertEqual(self.git("rev-parse", "v1.2.3^{commit}"), self.git("rev-parse", "HEAD"))
        self.assertIn("* Something new.", self.git("tag", "--list", "--format=%(contents)", "v1.2.3"))

    def test_a_dry_run_writes_the_same_files_and_makes_no_tag(self) -> None:
        self.assertEqual(self.release("--dry-run").returncode, 0)
        dry = {path.name: path.read_bytes() for path in self.output().iterdir()}
        self.assertEqual(self.git("tag", "--list"), "")
        self.assertEqual(self.release().returncode, 0)
        self.assertEqual({path.name: path.read_bytes() for path in self.output().iterdir()}, dry)

    def test_the_tarball_is_the_commit_and_knows_it(self) -> None:
        (self.root / "build").mkdir()
        (self.root / "build/left_over").write_text("ignored by git\n")
        self.assertEqual(self.release("--dry-run").returncode, 0)
        tar = gzip.decompress((self.output() / "sotto-1.2.3.tar.gz").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            names = {member.name.removeprefix("sotto-1.2.3/") for member in archive.getmembers()
                     if member.isfile()}
            self.assertEqual(names, set(self.git("ls-files").splitlines()))
            commit = archive.extractfile("sotto-1.2.3/cmake/archive_commit.txt").read().decode().strip()
        self.assertEqual(commit, self.git("rev-parse", "HEAD"))

    def test_refuses_a_tree_with_changes(self) -> None:
        for name in ("VERSION", "forgotten.cc"):
            with self.subTest(name):
                before = (self.root / name).read_text() if (self.root / name).exists() else None
                (self.root / name).write_text((before or "") + "\n")
                self.assert_refused("the tree has changes")
                if before is None:
                    (self.root / name).unlink()
                else:
                    (self.root / name).write_text(before)

    def test_refuses_a_changelog_that_does_not_say_what_is_new(self) -> None:
        cases = (("## [1.2.3] - 2026-01-01", "## [1.2.2] - 2026-01-01", "no section"),
                 ("## [1.2.3] - 2026-01-01", "## [1.2.3] - soon", "no section"),
                 ("* Something new.", "", "no section"),
                 ("## [Unreleased]\n", "## [Unreleased]\n\n* Not placed yet.\n",
                  "entries under [Unreleased]"))
        for old, new, reason in cases:
            with self.subTest(new):
                self.assertIn(old, CHANGELOG)
                (self.root / "CHANGELOG.md").write_text(CHANGELOG.replace(old, new))
                self.commit()
                self.assert_refused(reason)

    def test_refuses_a_release_that_was_made(self) -> None:
        self.git("tag", "v1.2.3")
        self.assert_refused("the tag v1.2.3 exists")

    def test_refuses_what_is_no_semantic_version(self) -> None:
        for version in ("1.2", "v1.2.3", "1.02.3", "1.2.3+abc", ""):
            with self.subTest(version):
                (self.root / "VERSION").write_text(version + "\n")
                self.git("commit", "--quiet", "--all", "--allow-empty", "--message", "A version")
                self.assert_refused("no semantic version")

    def test_refuses_a_dependency_without_a_licence(self) -> None:
        file = self.root / "cmake/Dependencies.cmake"
        file.write_text(file.read_text() + "find_package(Unheard REQUIRED) # what for\n")
        self.commit()
        self.assert_refused("finds Unheard")


class Materials(unittest.TestCase):
    """The document, by what SPDX 2.3 demands of it (clauses 6, 7 and 11)."""

    def setUp(self) -> None:
        self.document = sbom.document(ROOT, "1.2.3", pathlib.Path(__file__), "2026-01-01T00:00:00Z")

    def test_this_tree_has_a_licence_for_each_dependency(self) -> None:
        self.assertEqual(sbom.problems(ROOT), [])

    def test_has_what_every_document_and_package_must_have(self) -> None:
        for field in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"):
            self.assertTrue(self.document[field], field)
        ids = [package["SPDXID"] for package in self.document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for package in self.document["packages"]:
            self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
            self.assertTrue(package["name"] and package["downloadLocation"] and package["licenseDeclared"])

    def test_relates_the_product_to_every_library(self) -> None:
        product = self.document["packages"][0]
        libraries = {package["SPDXID"]: package["name"] for package in self.document["packages"][1:]}
        related = {libraries[relation["relatedSpdxElement"]]: relation["relationshipType"]
                   for relation in self.document["relationships"]
                   if relation["spdxElementId"] == product["SPDXID"]}
        self.assertEqual(set(related), set(libraries.values()))
        self.assertEqual((related["libssl3"], related["libeigen3-dev"]), ("DYNAMIC_LINK", "STATIC_LINK"))
        self.assertNotIn("cmake", related)
        self.assertEqual(product["checksums"][0]["checksumValue"],
                         hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest())

    def test_is_json_without_anything_of_this_machine_but_versions(self) -> None:
        text = json.dumps(self.document)
        self.assertNotIn(str(ROOT), text)
        self.assertEqual(json.loads(text), self.document)


if __name__ == "__main__":
    unittest.main()
