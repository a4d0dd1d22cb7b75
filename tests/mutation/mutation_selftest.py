#!/usr/bin/env python3
"""Faults planted in a canary: what its test looks at is noticed, what it does not look at is reported."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import measure
import plant
import report
import rules
from build import Program, refused
from cpp_source import Source

HERE = pathlib.Path(__file__).resolve().parent

CANARY = """// A canary.
namespace canary {
class Gate {
 public:
  bool admit(int weight, int height) {
    if (weight > 10 || height > 20) return false;  // only weight is tested
    count(1);
    while (level_ < weight) ++level_;
    return true;
  }
  int level() const { return level_; }
  constexpr static int twice(int value) { return value * 2; }
 private:
  void count(int more) { admitted_ += more; }
  int level_ = 0;
  int admitted_ = 0;
};
static_assert(Gate::twice(2) == 4);
}  // namespace canary
"""
# Speaks as much of GoogleTest's command line as the runner does.
TEST = """#include <cstdio>
#include <cstring>
#include "canary.cc"
int main(int count, char** words) {
  if (count > 1 && std::strcmp(words[1], "--gtest_list_tests") == 0)
    return std::puts("Gate.\\n  KnowsItsLimit\\n  Doubles") < 0;
  volatile int limit = 10;
  canary::Gate gate;
  const bool right = gate.admit(limit, 0) && !gate.admit(limit + 1, 0) && gate.level() == limit;
  const volatile int three = 3;
  return right && canary::Gate::twice(three) == 6 ? 0 : 1;
}
"""


def mutants_of(text: str, fields: str = "") -> list[rules.Mutant]:
    source = Source(text)
    return rules.Planter("a/b.cc", source, rules.siblings_of([source, Source(fields)])).all()


def effects(body: str, fields: str = "") -> set[str]:
    return {
        f"{one.rule}: {one.before} -> {one.after}"
        for one in mutants_of("void f() {\n" + body + "\n}\n", fields)
    }


class Rules(unittest.TestCase):
    def test_boundaries_and_equalities(self):
        found = effects("g(a + 1 < b, c == d);")
        self.assertIn("boundary: a + 1 < b -> a + 1 <= b", found)
        self.assertIn("equality: c == d -> c != d", found)
        self.assertIn("arithmetic: a + 1 -> a - 1", found)

    def test_every_check_of_a_refusal(self):
        found = effects("if (a < b || !ok(c) || d) return 1;")
        self.assertIn("refusal removed: a < b || !ok(c) || d -> false", found)
        for check in ("a < b", "!ok(c)", "d"):
            self.assertIn(f"check removed: {check} -> false", found)

    def test_a_conjunction_without_one_of_its_parts(self):
        found = effects("const bool sound = a.b() && c.size() == 3;")
        self.assertIn("check removed: a.b() -> true", found)
        self.assertIn("check removed: c.size() == 3 -> true", found)

    def test_calls_assignments_and_errors(self):
        found = effects("a.b(c); d.e = f; ++g; SOTTO_RETURN_IF_ERROR(h(i));")
        for statement in (
            "call dropped: a.b(c);",
            "assignment dropped: d.e = f;",
            "assignment dropped: ++g;",
        ):
            self.assertIn(f"{statement} -> ;", found)
        self.assertIn("error ignored: SOTTO_RETURN_IF_ERROR(h(i)); -> (h(i));", found)

    def test_arguments_and_fields_change_places(self):
        self.assertIn("arguments swapped: g(a, b) -> g(b, a)", effects("g(a, b);"))
        self.assertIn(
            "field swapped: x.task -> x.population",
            effects("g(x.task);", "struct X { Id task; Id population; };"),
        )

    def test_answers_and_constants(self):
        found = effects("return true;") | effects("a = b >> 13;")
        self.assertIn("answer flipped: true -> false", found)
        self.assertIn("constant - 1: 13 -> 13 - 1", found)
        self.assertIn("constant + 1: 2 -> 2 + 1", effects("return a[2];") & effects("a = b[2];"))

    def test_lambdas_are_functions_too(self):
        self.assertIn("boundary: x < y -> x <= y", effects("g([&](int x) -> bool { return x < y; });"))

    def test_an_aligned_class_is_a_class(self):
        for head in (
            "struct alignas(8) A {",
            "template <class T>\nrequires(sizeof(T) == 8) struct alignas(8) A<T> {",
        ):
            found = mutants_of(head + "\n  int x = 1;\n  bool less(int b) { return x < b; }\n};\n")
            self.assertIn("b.cc | A::less | boundary | x < b -> x <= b", {one.name for one in found})
            self.assertEqual({one.function for one in found}, {"A::less"}, head)

    def test_a_constrained_function_keeps_its_name(self):
        found = mutants_of("template <class T>\nrequires(sizeof(T) == 8)\nbool f(T a) { return a < 1; }\n")
        self.assertIn("b.cc | f | boundary | a < 1 -> a <= 1", {one.name for one in found})

    def test_what_is_left_alone(self):
        for body in (
            "SOTTO_CHECK(a < b);",
            "crypto::wipe(a);",
            "wipe_text(a + 1);",
            "a.reserve(b + 1);",
            "X509_free(a);",
            "static_assert(1 < 2);",
            "constexpr int a = 1 + 2;",
            "std::array<int, 3> a;",
            "char a[2 * 16];",
            "const int a = 5 * kB;",
            "const int a = LIBRARY_B | LIBRARY_C;",
            "Type name(argument);",
            "Type name = other;",
            "static_cast<void>(a);",
            "const Type a{3, 4};",
        ):
            self.assertEqual(effects(body), set(), body)
        self.assertEqual(mutants_of("#if X\nint f(int a) { return a + 1; }\n#endif\n"), [])
        self.assertEqual(mutants_of("consteval int f(int a) { return a + 1; }\n"), [])
        self.assertEqual(mutants_of("int a = 3;\nenum B { c = 1 };\nint f(int a = 2);\n"), [])

    def test_names_outlive_shifted_lines_and_folders(self):
        text = "void f() { if (a) g(); if (a) g(); }\n"
        names = {one.name for one in mutants_of(text)}
        self.assertEqual(names, {one.name for one in mutants_of("\n\n// Moved.\n" + text)})
        self.assertIn("b.cc | f | condition true | a -> true #2", names)

    def test_lines_stay_where_they_are(self):
        text = "bool f() {\n  return a &&  // why\n         b < 1;\n}\n"
        source, found = Source(text), mutants_of(text)
        plant.give_numbers(found)
        self.assertEqual(plant.planted(source, found).count("\n"), text.count("\n"))

    def test_the_choice_is_spread_and_repeatable(self):
        found = mutants_of("void f() { if (a < b) return; g(c == d, e + 1); h(i); j = k; }\n")
        chosen = plant.choose(found, 6, "seed", set())
        self.assertEqual(
            [one.key for one in chosen], [one.key for one in plant.choose(found[::-1], 6, "seed", set())]
        )
        self.assertEqual(len({one.rule for one in chosen}), 6)
        self.assertNotIn(chosen[0].key, {one.key for one in plant.choose(found, 99, "seed", {chosen[0].key})})

    def test_the_compiler_withdraws_what_it_refuses(self):
        found = mutants_of("void f() {\n  g(a + b);\n  g(c + d);\n}\n")
        said = "../tree/a/b.cc:3:5: error: no match for 'operator-'\n"
        gone = refused(said, pathlib.Path("/w/tree"), pathlib.Path("/w/out"), found)
        self.assertEqual({one.line for one in gone}, {3})


class Canary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        source = Source(CANARY)
        cls.mutants = rules.Planter("canary.cc", source, {}).all()
        plant.give_numbers(cls.mutants)
        (cls.work / "canary.cc").write_text(plant.planted(source, cls.mutants))
        (cls.work / "test.cc").write_text(TEST)
        binary = cls.work / "canary_test"
        subprocess.run(
            [
                sys.argv[1],
                "-std=c++20",
                "-O0",
                "-w",
                "-include",
                str(HERE / "mutant.h"),
                "-o",
                str(binary),
                str(cls.work / "test.cc"),
            ],
            check=True,
        )
        runner = measure.Runner(cls.work, {}, patience=0.1)
        cls.cases = measure.reach(runner, Program("canary_test", "canary", binary), 2)
        cls.outcomes = {one.key: measure.judge(runner, one, "canary", cls.cases) for one in cls.mutants}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def outcome(self, text: str) -> measure.Outcome:
        found = [one for one in self.mutants if f"{one.rule} | {one.before}" == text]
        self.assertEqual(len(found), 1, text)
        return self.outcomes[found[0].key]

    def test_what_the_test_looks_at_is_noticed(self):
        for text in (
            "boundary | weight > 10",
            "refusal removed | weight > 10 || height > 20",
            "assignment dropped | ++level_;",
            "check removed | weight > 10",
            "arithmetic | value * 2",
            "answer flipped | true",
        ):
            self.assertEqual(self.outcome(text).noticed_by, "own", text)

    def test_what_it_does_not_look_at_survives(self):
        for text in ("boundary | height > 20", "check removed | height > 20", "call dropped | count(1);"):
            self.assertEqual(self.outcome(text), measure.Outcome("", "", True), text)

    def test_an_endless_loop_is_noticed(self):
        self.assertEqual(self.outcome("assignment dropped | ++level_;").how, "hung")

    def test_the_report_fails_below_its_threshold_and_names_the_survivor(self):
        table = report.Report({"canary": self.mutants}, self.outcomes, {})
        self.assertEqual(len(table.failures()), 1)
        self.assertRegex(
            table.text(),
            r"canary\.cc:6: canary\.cc \| canary::Gate::admit|canary\.cc:6: .*height > 20 -> false",
        )

    def test_explained_survivors(self):
        survivors = [one.name for one in self.mutants if not self.outcomes[one.key].noticed_by]
        lines = [f"equivalent {name}\n  Because.\n" for name in survivors]
        file = self.work / "survivors.txt"
        file.write_text("# Heading\n\n" + "\n".join(lines))
        table = report.Report({"canary": self.mutants}, self.outcomes, report.read_list(file))
        self.assertEqual(
            (table.failures(), table.unexplained, table.rows[0].equivalent), ([], [], len(survivors))
        )
        file.write_text("".join(lines).replace("equivalent", "accepted"))
        table = report.Report({"canary": self.mutants}, self.outcomes, report.read_list(file))
        self.assertEqual((len(table.failures()), table.unexplained), (1, []))

    def test_a_list_without_reasons_is_refused(self):
        file = self.work / "bad.txt"
        for text in ("equivalent a | b\n", "perhaps a | b\n  Because.\n"):
            file.write_text(text)
            with self.assertRaises(SystemExit):
                report.read_list(file)

    def test_an_explanation_of_what_is_noticed_is_stale(self):
        noticed = next(one.name for one in self.mutants if self.outcomes[one.key].noticed_by)
        table = report.Report(
            {"canary": self.mutants}, self.outcomes, {noticed: report.Explanation("accepted", "")}
        )
        self.assertEqual(table.stale, [noticed])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
