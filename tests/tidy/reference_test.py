#!/usr/bin/env python3
"""The reference of the public headers: it has no problem, one that is planted is reported,
and comments get marks.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tree

sys.path.insert(0, str(tree.ROOT / "scripts"))
import reference_filter  # noqa: E402

HEADER = """// What this is for,
// on two lines with <tags> & \\commands.
#pragma once

#include <cstdint>

namespace sotto {

struct First {
  int a = 0;  // behind it,
              // and going on
  // Above it.
  int b() {
    // inside a function
    return a;  // inside, too
  }
};

// Of the second and the third.
struct Second {};
struct Third {};

// Unattached.

enum class Fourth {
  kA,  // one
};

}  // namespace sotto
"""
C_HEADER = """/* What this is for & <how>.
 */
#ifndef A
#define A
/* An argument. */
typedef struct a {
  int b; /* of <c> */
} a;
#endif
"""


class Marks(unittest.TestCase):
    def line(self, begin: str) -> str:
        lines = reference_filter.filtered(HEADER).splitlines()
        return next(line for line in lines if line.lstrip().startswith(begin))

    def test_lines_keep_their_numbers(self):
        for header in (HEADER, C_HEADER):
            self.assertEqual(reference_filter.filtered(header).count("\n"), header.count("\n"))

    def test_the_head_is_about_the_file_and_the_first_type(self):
        self.assertEqual(reference_filter.filtered(HEADER).splitlines()[2], "/// @file")
        self.assertTrue(self.line("/** What this is for,").endswith("*/ struct First {"))

    def test_comments_behind_and_above(self):
        self.assertIn("int a = 0;  ///< behind it,", self.line("int a"))
        self.assertEqual(self.line("///< and"), "              ///< and going on")
        self.assertEqual(self.line("/// Above"), "  /// Above it.")
        self.assertIn("kA,  ///< one", self.line("kA"))

    def test_a_comment_above_a_group_is_about_each(self):
        self.assertEqual(self.line("struct Second"), "struct Second {};")
        self.assertTrue(self.line("/** Of the second and the third. */").endswith("struct Third {};"))

    def test_what_is_inside_functions_or_unattached_gets_none(self):
        self.assertEqual(self.line("// inside"), "    // inside a function")
        self.assertEqual(self.line("return a"), "    return a;  // inside, too")
        self.assertEqual(self.line("// Unattached"), "// Unattached.")

    def test_tags_and_commands_are_text(self):
        self.assertEqual(self.line("/// on two"), "/// on two lines with \\<tags\\> \\& \\\\commands.")
        self.assertEqual(reference_filter.escaped("`a<b>` <c>"), "`a<b>` \\<c\\>")

    def test_headers_in_c(self):
        lines = reference_filter.filtered(C_HEADER).splitlines()
        self.assertEqual(lines[:2], ["/** What this is for \\& \\<how\\>.", " @file */"])
        self.assertEqual(lines[4], "/** An argument. */")
        self.assertEqual(lines[6], "  int b; /**< of \\<c\\> */")


@unittest.skipIf(shutil.which("doxygen") is None,
                 "doxygen is absent: scripts/install-dependencies --reference")
class Reference(unittest.TestCase):
    def run_on(self, root: pathlib.Path, output: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-B", tree.ROOT / "scripts/reference", "--root", root, "--output", output]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_this_tree_has_no_problem(self):
        with tempfile.TemporaryDirectory() as output:
            done = self.run_on(tree.ROOT, output)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(pathlib.Path(output, "html/index.html").exists())

    def test_a_header_that_does_not_say_what_it_is_for(self):
        with tempfile.TemporaryDirectory() as scratch:
            header = pathlib.Path(scratch, "base/include/sotto/base/a.h")
            header.parent.mkdir(parents=True)
            for content, code in ((HEADER, 0), ("#pragma once\nnamespace sotto {\nstruct A {};\n}\n", 1)):
                header.write_text(content)
                done = self.run_on(pathlib.Path(scratch), str(pathlib.Path(scratch, "out")))
                self.assertEqual(done.returncode, code, done.stdout)
                self.assertEqual("no comment at its head" in done.stdout, code == 1, done.stdout)


if __name__ == "__main__":
    unittest.main()
