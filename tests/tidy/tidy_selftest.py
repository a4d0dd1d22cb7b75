#!/usr/bin/env python3
"""A planted violation for every rule:
each must be reported, and the correct twin must not. A silent checker is broken.
"""
import importlib.util
import pathlib
import shutil
import tempfile
import unittest

import check_c_headers
import check_deploy
import check_documents
import check_includes
import check_mirrors
import check_must_not_compile
import check_reading
import check_tree
import functions
import house
import tree


class PlantedTree(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)

    def plant(self, path: str, content: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def assert_reports(self, problems: list[str], path: str, part: str) -> None:
        self.assertTrue(any(problem.startswith(path) and part in problem for problem in problems),
                        f"nothing about '{part}' in {path}; reported: {problems}")


class Includes(PlantedTree):
    def setUp(self):
        super().setUp()
        for module, name in (("base", "base"), ("crypto", "crypto"), ("crypto", "secagg"), ("proto", "proto"),
                             ("aggregator", "aggregator"), ("server", "server"), ("client", "client"),
                             ("simulation", "simulation")):
            self.plant(f"{module}/include/sotto/{name}/a.h")
        self.plant("server/src/store/private.h")

    def problems_of(self, path: str, line: str) -> list[str]:
        self.plant(path, line + "\n")
        return check_includes.check(self.root)

    def test_the_tree_without_a_violation_is_silent(self):
        self.assertEqual(self.problems_of("server/src/b.cc", '#include "sotto/aggregator/a.h"'), [])

    def test_an_include_upwards(self):
        self.assert_reports(self.problems_of("base/src/b.cc", '#include "sotto/crypto/a.h"'),
                            "base/src/b.cc:1", "crypto")
        self.assert_reports(self.problems_of("crypto/src/b.cc", '#include <sotto/proto/a.h>'), "crypto/src",
                            "proto")

    def test_an_include_within_a_layer(self):
        self.assert_reports(self.problems_of("client/src/b.cc", '#include "sotto/server/a.h"'), "client/src",
                            "server")
        self.assert_reports(self.problems_of("client/src/b.cc", '#include "sotto/aggregator/a.h"'),
                            "client/src", "aggregator")
        self.assert_reports(self.problems_of("device-runtime/src/b.cc", '#include "sotto/proto/a.h"'),
                            "device-runtime", "proto")
        self.assert_reports(self.problems_of("examples/b.cc", '#include "sotto/server/a.h"'), "examples",
                            "server")

    def test_a_private_header_from_outside(self):
        self.assert_reports(self.problems_of("simulation/src/b.cc", '#include "store/private.h"'),
                            "simulation/src", "private to server")
        self.assert_reports(self.problems_of("simulation/src/b.cc",
                                             '#include "../../server/src/store/private.h"'),
                            "simulation/src", "climbs into server")

    def test_a_private_header_from_its_own_module_and_its_own_tests(self):
        self.assertEqual(self.problems_of("server/src/b.cc", '#include "store/private.h"'), [])
        self.assertEqual(self.problems_of("tests/unit/server/b_test.cc", '#include "store/private.h"'), [])
        self.assert_reports(self.problems_of("tests/unit/client/b_test.cc", '#include "store/private.h"'),
                            "tests/unit/client", "private to server")

    def test_a_public_header_that_does_not_exist(self):
        self.assert_reports(self.problems_of("server/src/b.cc", '#include "sotto/base/absent.h"'),
                            "server/src", "no public")

    def test_third_party_headers_outside_their_places(self):
        for include in ("<grpcpp/grpcpp.h>", "<google/protobuf/message.h>", '"sotto.pb.h"',
                        '"sotto/proto/convert.h"', "<openssl/evp.h>", "<sqlite3.h>",
                        "<Eigen/Core>", "<unsupported/Eigen/FFT>", "<CLI/CLI.hpp>", "<toml++/toml.h>",
                        "<sndfile.h>", "<nlohmann/json.hpp>", "<spdlog/spdlog.h>"):
            with self.subTest(include):
                self.assert_reports(self.problems_of("aggregator/src/b.cc", f"#include {include}"),
                                    "aggregator/src/b.cc:1", "included only in")

    def test_third_party_headers_in_their_places(self):
        self.assertEqual(self.problems_of("server/src/rpc/b.cc", "#include <grpcpp/grpcpp.h>"), [])
        self.assertEqual(self.problems_of("crypto/src/openssl/b.cc", "#include <openssl/evp.h>"), [])
        self.assertEqual(self.problems_of("client/src/grpc/tls_probe.cc", "#include <openssl/ssl.h>"), [])
        self.assert_reports(self.problems_of("client/src/grpc/device.cc", "#include <openssl/ssl.h>"),
                            "client/src/grpc/device.cc", "OpenSSL")

    def test_a_server_or_device_that_could_be_replayed(self):
        self.assertEqual(self.problems_of("simulation/src/b.cc", "crypto::SeededRandom random_{7};"), [])
        self.assertEqual(self.problems_of("cli/src/a.cc", "// never SeededRandom"), [])
        for path in ("server/src/service/b.cc", "client/src/device/b.cc", "cli/src/b.cc"):
            for line in ("crypto::SeededRandom random_{7};", "return es256_sign_replayable(key, message);"):
                with self.subTest(path + line):
                    self.assert_reports(self.problems_of(path, line), path, "replayable randomness")

    def test_a_core_that_reads_a_clock(self):
        for line in ("auto t = std::chrono::system_clock::now();", "auto t = steady_clock :: now();",
                     "const auto t = time(nullptr);", "clock_gettime(CLOCK_REALTIME, &t);"):
            with self.subTest(line):
                self.assert_reports(self.problems_of("server/src/coordinator/b.cc", line),
                                    "server/src/coordinator", "clock")
        self.assertEqual(self.problems_of("server/src/coordinator/b.cc",
                                          "// never steady_clock::now() here"), [])
        self.assertEqual(self.problems_of("server/src/rpc/b.cc",
                                          "auto t = std::chrono::steady_clock::now();"), [])

    def test_a_core_that_reads_files(self):
        self.plant("base/include/sotto/host/file.h", "")
        self.assertEqual(self.problems_of("client/src/device/b.cc", '#include "sotto/host/file.h"'), [])
        for place in ("server/src/coordinator/b.cc", "aggregator/src/b.cc", "firmware/src/b.cc"):
            with self.subTest(place):
                self.assert_reports(self.problems_of(place, '#include "sotto/host/file.h"'), place, "no I/O")

    def test_a_core_that_draws_its_own_randomness(self):
        self.assert_reports(self.problems_of("client/src/session/b.cc", "std::random_device device;"),
                            "client/src/session", "randomness")


class HouseInTheDocument(unittest.TestCase):
    PICTURE = "## The house\n```\ntop/  other/   words about it\nbottom/\n```\n"
    TABLE = "| `top/` | `bottom` | |\n| `other/` | every module below | |\n| `bottom/` | | |\n"

    def test_is_read_from_picture_and_table(self):
        read = house.read(self.PICTURE + self.TABLE)
        self.assertEqual(read.lines, [["top", "other"], ["bottom"]])
        self.assertEqual(read.may_include, {"top": {"bottom"}, "other": {"bottom"}, "bottom": set()})
        self.assertEqual(house.problems(read), [])

    def problem(self, table: str) -> str:
        return "\n".join(house.problems(house.read(self.PICTURE + table)))

    def test_an_include_upwards(self):
        self.assertIn("bottom/ may include top", self.problem("| `bottom/` | `top` | |\n| `top/` | | |\n"))

    def test_an_include_of_a_neighbour(self):
        self.assertIn("top/ may include other", self.problem("| `top/` | `other` | |\n| `other/` | | |\n"))

    def test_a_module_without_a_place(self):
        self.assertIn("cellar/ is in the table", self.problem("| `cellar/` | | |\n"))
        self.assertIn("'cellar', which is no module", self.problem("| `top/` | `cellar` | |\n"))

    def test_a_document_without_them(self):
        self.assertIn("no picture", "\n".join(house.problems(house.read("# Architecture\n"))))


class Tree(PlantedTree):
    def setUp(self):
        super().setUp()
        for module in check_tree.MODULES:
            self.plant(f"{module}/README.md", "# module\n")
        self.plant("base/CMakeLists.txt", "sotto_library(base SOURCES src/a.cc)\n")
        self.plant("base/src/a.cc", "int a;\n")

    def problems_of(self, path: str, content: str) -> list[str]:
        self.plant(path, content)
        return check_tree.check(self.root)

    def test_the_tree_without_a_violation_is_silent(self):
        self.assertEqual(check_tree.check(self.root), [])

    def test_marks(self):
        for mark in ("// FIX" + "ME", "// TO" + "DO: later", "// TO" + "DO(now): x", "// XX" + "X",
                     "#if" + " 0",
                     "TEST(A, DIS" + "ABLED_B) {}", "GTEST_" + "SKIP();", 'open("/ho' + 'me/someone/x")',
                     'open("/wo' + 'rk/x")'):
            with self.subTest(mark):
                self.assert_reports(self.problems_of("base/src/a.cc", mark + "\n"), "base/src/a.cc:1", "")
        self.assertEqual(self.problems_of("base/src/a.cc", "// TO" + "DO(perf): batch these\n"), [])

    def test_a_file_that_is_too_long(self):
        self.assert_reports(self.problems_of("base/src/a.cc", "//\n" * 801), "base/src/a.cc", "801 lines")
        self.assertEqual(self.problems_of("base/src/a.cc", "//\n" * 800), [])

    def test_a_file_that_is_too_large(self):
        self.assert_reports(self.problems_of("base/data.json", " " * (512 * 1024 + 1)), "base/data.json",
                            "bytes")

    def test_names_that_say_nothing(self):
        for name in ("util.h", "string_utils.h", "misc.h", "test_helper.h", "common.h"):
            with self.subTest(name):
                self.assert_reports(self.problems_of(f"base/src/{name}", ""), f"base/src/{name}",
                                    "says nothing")
        for name in ("community", "mask_helper"):
            self.assertEqual([problem for problem in self.problems_of(f"base/src/{name}.h", "")
                              if name in problem], [])

    def test_a_source_that_nobody_builds(self):
        self.assert_reports(self.problems_of("base/src/b.cc", ""), "base/src/b.cc", "nobody builds")
        self.assert_reports(self.problems_of("tests/unit/base/b_test.cc", ""), "tests/unit/base/b_test.cc",
                            "nobody builds")
        self.plant("base/CMakeLists.txt", "sotto_library(base SOURCES src/a.cc) # src/b.cc\n")
        self.assert_reports(check_tree.check(self.root), "base/src/b.cc", "nobody builds")

    def test_a_listed_source_that_is_absent(self):
        self.assert_reports(self.problems_of("base/CMakeLists.txt",
                                             "sotto_library(base SOURCES src/a.cc src/gone.cc)"),
                            "base/src/gone.cc", "absent")

    def test_a_module_without_a_readme(self):
        (self.root / "proto/README.md").unlink()
        self.assert_reports(check_tree.check(self.root), "proto/README.md", "absent")


class Reading(PlantedTree):
    def problems_of(self, path: str, content: str) -> list[str]:
        self.plant(path, content)
        return check_reading.check(self.root)

    def test_a_line_that_is_too_wide(self):
        for path in ("base/src/a.cc", "base/CMakeLists.txt", "scripts/a.py", "scripts/run", "proto/a.proto"):
            with self.subTest(path):
                self.assert_reports(self.problems_of(path, "#\n" + "#" * 111 + "\n"), f"{path}:2",
                                    "111 columns")
                self.assertEqual(self.problems_of(path, "#" * 110 + "\n"), [])

    def test_columns_are_characters(self):
        self.assertEqual(self.problems_of("base/src/a.cc", "//" + "ö" * 108 + "\n"), [])

    def test_prose_that_is_too_wide(self):
        self.assert_reports(self.problems_of("README.md", "word " * 22 + "w\n"), "README.md:1", "111 columns")
        for line in ("word " * 21 + "words", "| " + "cell " * 30 + "|", "* https://" + "a" * 120):
            with self.subTest(line):
                self.assertEqual(self.problems_of("README.md", line + "\n"), [])

    @staticmethod
    def body(lines: int, head: str = "int f() {") -> str:
        """A function of so many lines."""
        return head + "\n" + "  work();\n" * (lines - 2 - head.count("\n")) + "}\n"

    def test_a_function_that_is_too_long(self):
        heads = ("int f() {", "template <typename T = int>\nauto g(T (*h)(int), int i = 0) -> T {",
                 "A::A(int a)\n    : a_(a) {",
                 "TEST(A, B) {", "bool A::operator==(const A& other) const {", "A::operator int() const {",
                 "A::~A() {",
                 "struct B* f(int a) {", "const auto f = [](int a) {",
                 "[[nodiscard]] static int f() noexcept {")
        for head in heads:
            with self.subTest(head):
                self.assert_reports(self.problems_of("base/src/a.cc", self.body(71, head)),
                                    "base/src/a.cc:1", "71 lines")
                self.assertEqual(self.problems_of("base/src/a.cc", self.body(70, head)), [])

    def test_a_long_function_of_python(self):
        self.assert_reports(self.problems_of("scripts/a.py", "def f():\n" + "    work()\n" * 70),
                            "scripts/a.py:1", "71 lines")
        self.assert_reports(self.problems_of("scripts/run", "#!/usr/bin/env python3\ndef f():\n"
                                             + "    work()\n" * 70),
                            "scripts/run:2", "71 lines")

    def test_a_long_function_wherever_it_hides(self):
        long = self.body(71)
        for before, after in (("namespace a {\n", "}\n"), ("struct A {\n public:\n", "};\n"),
                              ('const char* a = R"x({ )x";\n', ""),
                              ("const char a = '{';\n// {\n/* { */\n", ""),
                              ("#if A\nvoid g() {\n#else\nvoid h() {\n#endif\n}\n", ""),
                              ("int a[] = {\n1, 2};\nint b{1'000};\n", ""), ("extern \"C\" {\n", "}\n"),
                              ("#define A(b) { \\\n  {\n", ""), ("enum class E {\n a, b };\n", "")):
            with self.subTest(before):
                self.assert_reports(self.problems_of("base/src/a.cc", before + long + after),
                                    f"base/src/a.cc:{before.count(chr(10)) + 1}", "71 lines")

    def test_what_is_long_and_no_function(self):
        for head in ("namespace a {", "class A final : public B<int> {", "constexpr int kTable[] = {",
                     "enum class E : int {",
                     "template <typename T>\nstruct A {", "const std::vector<int> a{"):
            with self.subTest(head):
                self.assertEqual(self.problems_of("base/src/a.cc",
                                                  self.body(100, head).replace("work();", "1, ")), [])

    def test_functions_are_found_one_by_one(self):
        source = ("struct A {\n  A() : a{1}, b(2) {}\n  int f() const { return a; }\n  int a, b;\n};\n"
                  "int g() {\n  if (x) {\n  }\n}\n")
        found = [(each.name, each.line, each.lines) for each in functions.cpp_functions(source)]
        self.assertIn(("f", 3, 1), found)
        self.assertIn(("g", 6, 4), found)

    def test_a_trailing_comment_that_breaks_a_declaration(self):
        for broken in ("int a =\n    2;  // why", "std::vector<int>\n    a;  // why",
                       "const int b = c +\n              d; // why"):
            with self.subTest(broken):
                self.assert_reports(self.problems_of("base/src/a.h", broken + "\n"), "base/src/a.h:2",
                                    "above")
        wide = "a" * 60
        for sound in ("int a = 2;  // why", f"int {wide} =\n    {wide};  // why", "f(a,\n  b);  // why",
                      "int a;\nint b;  // why", "// a note\nint b;  // why", "/* a\n * b\n * c d; // e */"):
            with self.subTest(sound):
                self.assertEqual(self.problems_of("base/src/a.h", sound + "\n"), [])


class Mirrors(PlantedTree):
    def setUp(self):
        super().setUp()
        self.plant("base/src/hex.cc")
        self.plant("tests/unit/base/hex_test.cc")

    def problems_of(self, exceptions: str) -> list[str]:
        self.plant(check_mirrors.EXCEPTIONS, exceptions)
        return check_mirrors.check(self.root)

    def test_mirrored_sources_are_silent(self):
        self.plant("server/src/store/sqlite/rows.cc")
        self.plant("tests/unit/server/store_rows_test.cc")
        self.plant("server/src/rpc/status.cc")
        self.plant("tests/unit/server/rpc/status_test.cc")
        self.assertEqual(self.problems_of("# reasons\n"), [])

    def test_a_source_without_a_test(self):
        self.plant("base/src/status.cc")
        self.plant("tests/unit/crypto/status_test.cc")  # of another module
        self.assert_reports(self.problems_of(""), "base/src/status.cc", "mirrors")

    def test_an_exception_names_what_tests_it(self):
        self.plant("base/src/status.cc")
        self.assertEqual(self.problems_of("base/src/status.cc | tests/unit/base/hex_test.cc | it only "
                                          "prints\n"), [])
        self.assertEqual(self.problems_of("base/src/ | tests/unit/base/ | printed by all\n"), [])
        self.assert_reports(self.problems_of("base/src/status.cc | tests/gone_test.cc | it only prints\n"),
                            check_mirrors.EXCEPTIONS + ":1", "no tests/gone_test.cc")
        for line in ("base/src/status.cc | tests/unit/base/hex_test.cc |", "base/src/status.cc tests why"):
            with self.subTest(line):
                self.assert_reports(self.problems_of(line + "\n"), check_mirrors.EXCEPTIONS + ":1",
                                    "a line is")

    def test_an_exception_that_is_none(self):
        line = "base/src/hex.cc | tests/unit/base/hex_test.cc | why\n"
        self.assert_reports(self.problems_of(line), check_mirrors.EXCEPTIONS + ":1", "can go")
        self.assert_reports(self.problems_of("base/src/gone.cc | tests/unit/base/hex_test.cc | why\n"),
                            check_mirrors.EXCEPTIONS + ":1", "no source")


class Documents(PlantedTree):
    def setUp(self):
        super().setUp()
        self.plant("scripts/demo", "#!/bin/sh\n")
        self.plant("cli/CMakeLists.txt",
                   "add_executable(sotto main.cc)\nsotto_test(base_test SOURCES a.cc)\n")
        self.plant("CMakePresets.json",
                   '{"configurePresets": [{"name": "dev"}, {"name": "base", "hidden": true}]}')
        self.plant("GUIDE.md", "# Guide\n\n## First steps\n")

    def problems_of(self, document: str, sotto: pathlib.Path | None = None) -> list[str]:
        self.plant("README.md", document)
        return check_documents.check(self.root, sotto)

    def test_correct_commands_and_links_are_silent(self):
        self.assertEqual(self.problems_of(
            "[guide](GUIDE.md#first-steps) [site](https://example.org) `[no](link)`\n"
            "```sh\n./scripts/demo --x   # shows it\nSEED=1 ctest --preset dev && \\\n  "
            "build/dev/bin/base_test\n```\n"), [])

    def test_commands_that_name_nothing(self):
        for command, part in (("./scripts/absent", "no file"), ("build/dev/bin/absent", "nothing builds"),
                              ("build/nope/bin/sotto_x", "no preset"), ("cmake --preset base", "no preset"),
                              ("frobnicate", "neither"), ("cd x && scripts/absent", "no file"),
                              ("A=1 scripts/absent", "no file"), ("cat x | scripts/absent", "no file")):
            with self.subTest(command):
                self.assert_reports(self.problems_of(f"text\n```sh\n{command}\n```\n"), "README.md:3", part)
                self.assert_reports(self.problems_of(f"1. text\n   ```sh\n   {command}\n   ```\n"),
                                    "README.md:3", part)

    def test_other_blocks_are_not_commands(self):
        self.assertEqual(self.problems_of("```\nfrobnicate\n```\n"), [])

    def test_changes_that_are_not_in_the_tree(self):
        self.plant("GUIDE.md", "# First steps\nthen this\n")
        diff = "```diff\n--- a/{0}\n+++ b/{0}\n@@ here\n+{1}\n```\n"
        self.assertEqual(self.problems_of(diff.format("GUIDE.md", "then this")), [])
        self.assert_reports(self.problems_of(diff.format("GUIDE.md", "then that")), "README.md:5", "no line")
        self.assert_reports(self.problems_of(diff.format("ABSENT.md", "x")), "README.md:5", "no line")

    def test_links_that_resolve_nowhere(self):
        self.assert_reports(self.problems_of("[x](ABSENT.md)"), "README.md:1", "does not exist")
        self.assert_reports(self.problems_of("[x](GUIDE.md#last-steps)"), "README.md:1", "no such heading")

    def test_subcommands_and_options_that_the_binary_does_not_know(self):
        binary = self.root / "sotto-binary"
        self.plant("sotto-binary", '#!/bin/sh\ncase "$1 $2" in\n'
                   '"task create") echo "--file FILE" ;;\n"task --help") echo "create" ;;\n'
                   '"simulate motion" | "simulate --help") echo "--seed S" ;;\n--help*) echo sotto ;;\n*) '
                   'exit 2 ;;\nesac\n')
        binary.chmod(0o755)
        good = "```sh\nbuild/dev/bin/sotto task create --file x\nsotto simulate motion --seed 1\n```\n"
        self.assertEqual(self.problems_of(good, binary), [])
        for command, part in (("sotto serve", "no subcommand 'serve'"),
                              ("sotto task create --fil x", "no option '--fil'"),
                              ("sotto simulate motion --seeds 1", "no option '--seeds'")):
            with self.subTest(command):
                self.assert_reports(self.problems_of(f"```sh\n{command}\n```\n", binary), "README.md:2", part)

    def test_output_that_the_binary_does_not_print(self):
        binary = self.root / "sotto-binary"
        self.plant("sotto-binary", '#!/bin/sh\n[ "$1 $2" = "task fields" ] && echo "| a |"\n')
        binary.chmod(0o755)
        block = "text\n<!-- output of: sotto %s -->\n%s<!-- end of output -->\n"
        self.assertEqual(self.problems_of(block % ("task fields", "| a |\n"), binary), [])
        for command, shown in (("task fields", "| b |\n"), ("task fields", ""), ("task absent", "| a |\n")):
            with self.subTest(command=command, shown=shown):
                document = block % (command, shown)
                self.assert_reports(self.problems_of(document, binary), "README.md:2", "differs")
        self.problems_of(block % ("task fields", "| b |\n"), binary)
        check_documents.fix(self.root, binary)
        self.assertEqual(check_documents.check(self.root, binary), [])


class Deploy(PlantedTree):
    def setUp(self):
        super().setUp()
        for path in ("deploy/sotto.service", "deploy/Containerfile", "deploy/compose.yaml", "scripts/build",
                     "scripts/install-dependencies"):
            self.plant(path, (tree.ROOT / path).read_text())

    def change(self, path: str, old: str, new: str) -> None:
        content = (tree.ROOT / path).read_text()
        self.assertIn(old, content)
        self.plant(path, content.replace(old, new, 1))

    def test_a_step_that_is_no_script_of_the_tree(self):
        self.assertEqual(check_deploy.containerfile_problems(self.root, None), [])
        for old, new, part in (("RUN scripts/build", "RUN make", "no script"),
                               ("RUN scripts/build", "RUN scripts/absent", "no script"),
                               ("USER 65532:65532", "USER root", "USER"),
                               ("USER 65532:65532", "USER 0:0", "USER"),
                               ("COPY scripts/install-dependencies", "COPY absent", "no such file"),
                               ("EXPOSE 7443", "EXPOSE 80", "EXPOSE")):
            with self.subTest(new):
                self.change("deploy/Containerfile", old, new)
                self.assert_reports(check_deploy.containerfile_problems(self.root, None),
                                    "deploy/Containerfile", part)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is absent")
    def test_a_unit_that_systemd_does_not_understand_or_that_is_exposed(self):
        self.assertEqual(check_deploy.unit_problems(self.root, None), [])
        self.change("deploy/sotto.service", "ProtectSystem=strict", "ProtectSystem=stricter")
        self.assert_reports(check_deploy.unit_problems(self.root, None), "deploy/sotto.service",
                            "systemd-analyze verify")
        self.plant("deploy/sotto.service", "[Service]\nExecStart=/usr/bin/sotto serve\n")
        self.assert_reports(check_deploy.unit_problems(self.root, None), "deploy/sotto.service",
                            "systemd-analyze security")

    @unittest.skipUnless(importlib.util.find_spec("yaml"), "Python has no yaml module")
    def test_a_compose_file_that_does_not_fit(self):
        self.assertEqual(check_deploy.compose_problems(self.root, None), [])
        for old, new, part in (("- state:/var/lib/sotto", "- other:/var/lib/sotto", "not declared"),
                               ("read_only: true", "read_only: false", "read-only"),
                               ("/var/lib/sotto/admin.sock", "/run/admin.sock", "not below"),
                               ("dockerfile: deploy/Containerfile", "dockerfile: Absent", "there is no"),
                               ('"task", "list"', '"task", "show"', "health check")):
            with self.subTest(new):
                self.change("deploy/compose.yaml", old, new)
                self.assert_reports(check_deploy.compose_problems(self.root, None), "deploy/compose.yaml",
                                    part)


class CHeaders(PlantedTree):
    GUARD = '#ifdef __cplusplus\nextern "C" {\n#endif\n%s\n#ifdef __cplusplus\n}\n#endif\n'

    def problems_of(self, content: str) -> list[str]:
        self.plant("base/include/sotto/base/c.h", content)
        return check_c_headers.problems_of(shutil.which("g++") or "c++", self.root)

    def test_c_is_silent(self):
        self.assertEqual(self.problems_of(self.GUARD % "int f(void);"), [])

    def test_what_only_cpp_knows(self):
        for line in ("enum A { a } b = a; A c;", "int f(int& a);", "struct A { int a = 1; };",
                     "static int f() { }"):
            with self.subTest(line):
                self.assert_reports(self.problems_of(self.GUARD % line), "base/include/sotto/base/c.h",
                                    "no C99")

    def test_a_tree_without_c_headers(self):
        self.assert_reports(self.problems_of("int a;\n"), str(self.root), "no public header")


class MustNotCompile(PlantedTree):
    def judge(self, content: str) -> list[str]:
        self.plant("pair.cc", content)
        return check_must_not_compile.judge(shutil.which("g++") or "c++", [], self.root / "pair.cc")

    def test_a_mistake_that_compiles(self):
        self.assert_reports(self.judge("#ifdef SOTTO_CASE_A  // expect: error\nint a;\n#endif\n"), "pair.cc",
                            "must not")

    def test_a_case_that_fails_for_another_reason(self):
        self.assert_reports(self.judge("#ifdef SOTTO_CASE_A  // expect: nodiscard\nint a = b;\n#endif\n"),
                            "pair.cc", "without saying")

    def test_a_good_side_that_does_not_compile(self):
        self.assert_reports(self.judge("#ifdef SOTTO_CASE_A  // expect: declared\nint a = b;\n#endif\nint c "
                                       "= d;\n"), "pair.cc",
                            "without a case does not compile")

    def test_a_source_without_cases(self):
        self.assert_reports(self.judge("int a;\n"), "pair.cc", "no cases")


if __name__ == "__main__":
    unittest.main()
