"""Every rule of tidy.py bites: a bad sample it must report, a good one it must let pass."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import suite_report  # noqa: E402
import tidy  # noqa: E402
import tidy_cpp  # noqa: E402
import tidy_headers  # noqa: E402
from tidy_rules import LINE_RULES  # noqa: E402

GUARD = "// What this header is for, who may call it, and how it fails.\n#pragma once\n"
LONG = "// " + "x" * 98 + "\n"

# rule -> (file, a line it reports, a line it lets pass)
LINES = {
    "clock": ("io/a.cpp", "auto t = std::chrono::steady_clock::now();", "clock.monotonic();"),
    "random": ("io/a.cpp", "std::random_device seed;", "random_.next(); // rand()"),
    "environment": ("io/a.cpp", 'char* p = getenv("HOME");', 'log("getenv(");'),
    "sleep": ("tests/io/a.cpp", "std::this_thread::sleep_for(1s);", "poller.park(deadline);"),
    "open": ("stages/a.cpp", "std::ifstream file(path);", "stream.open(path); Store::open(path);"),
    "socket": ("stages/a.cpp", "int s = ::socket(AF_INET, 1, 0);", "network.connect(endpoint);"),
    "thread": ("stages/a.cpp", "std::thread worker;", "std::thread::id owner;"),
    "mutex": ("pipeline/a.cpp", "std::mutex m;", "int mutexes = 0;"),
    "atomic": ("stages/a.cpp", "std::atomic<int> n;", "int atomic = 0;"),
    "order-comment": (
        "pipeline/link.hpp",
        "head_.load(std::memory_order_acquire);",
        "head_.load(std::memory_order_acquire); // pairs with the store in pop()",
    ),
    "shared-ptr": ("io/a.cpp", "std::shared_ptr<int> p;", "std::unique_ptr<int> p;"),
    "throw": ("io/a.cpp", "throw 1;", "// never throw\nint rethrown;"),
    "assert": ("io/a.cpp", "assert(size > 0);", "static_assert(sizeof(int) == 4);"),
    "print": ("stages/a.cpp", 'std::fprintf(stderr, "x");', 'log_.write("printf(");'),
    "exit": ("stages/a.cpp", "std::abort();", "stream.close();"),
    "static-state": ("io/a.cpp", "static int counter = 0;", "static int count(int from);"),
    "using-namespace": ("io/a.cpp", "using namespace std;", "using namespace std::literals;"),
    "bare-memory": ("io/a.cpp", "void* p = std::malloc(4);".replace("std::", ""), "arena.free(4);"),
    "test-name": ("tests/io/a.cpp", "TEST(Url, ParsesPort) {", "TEST(Url, parses_port) {"),
    "marker": ("io/a.cpp", "// TODO: limits", "// what is to do"),
    "history": ("io/a.cpp", "// no longer needs a copy", "// a key used to sign"),
    "machine-path": ("io/a.cpp", 'auto p = "/home/me/x";', 'auto p = "/var/lib/spyhop";'),
}

# rule -> (a tree it reports, a tree it lets pass)
TREES = {
    "columns": ({"io/a.cpp": LONG}, {"io/a.cpp": LONG[2:]}),
    "file-length": ({"io/a.cpp": "\n" * 401}, {"io/a.cpp": "\n" * 400}),
    "function-length": (
        {"io/a.cpp": "int f() {\n" + "x();\n" * 69 + "}\n"},
        {"io/a.cpp": "int f() {\n" + "x();\n" * 68 + "}\n"},
    ),
    "characters": ({"io/a.cpp": "int a;\t\n"}, {"io/a.cpp": "int a;\n"}),
    "contract": ({"io/a.hpp": "#pragma once\nint a;\n"}, {"io/a.hpp": GUARD}),
    "namespace": ({"io/a.cpp": "int a;\n"}, {"io/a.cpp": "namespace io {\n}\n"}),
    "file-name": ({"io/BadName.cpp": ""}, {"io/good_name2.cpp": ""}),
    "include-room": (
        {"pipeline/a.cpp": '#include "io/b.hpp"\n', "io/b.hpp": ""},
        {
            "io/a.cpp": '#include "pipeline/b.hpp"\n// #include "config/c.hpp"\n',
            "pipeline/b.hpp": "",
        },
    ),
    "include-library": (
        {"stages/a.cpp": "#include <openssl/ssl.h>\n"},
        {"io/a.cpp": "#include <openssl/ssl.h>\n"},
    ),
    "include-stage": (
        {
            "stages/route.cpp": '#include "stages/detect.hpp"\n',
            "stages/detect.hpp": "struct Detect { static constexpr int max_burst = 1; };\n",
        },
        {
            "stages/route.cpp": '#include "stages/route.hpp"\n#include "stages/tiers.hpp"\n',
            "stages/route.hpp": "struct Route { static constexpr int max_burst = 1; };\n",
            "stages/tiers.hpp": "struct Tiers {};\n",
        },
    ),
    "owner-copy": (
        {"io/a.hpp": "struct A {\n~A();\n};\n"},
        {"io/a.hpp": "struct A {\n~A();\nA(A const&) = delete;\n};\nA::~A() {}\n"},
    ),
    "dead-source": (
        {"io/a.cpp": "", "io/meson.build": "files('b.cpp')\n"},
        {"io/a.cpp": "", "io/meson.build": "files('a.cpp')\n"},
    ),
    "dead-header": (
        {"io/a.hpp": GUARD, "io/a.cpp": '#include "io/a.hpp"\n'},
        {"io/a.hpp": GUARD, "io/b.cpp": '#include "io/a.hpp"\n'},
    ),
    "dead-data": (
        {"tests/data/x.scale": None, "tests/data/NOTICE": "y.scale\n"},
        {"tests/data/x.scale": None, "tests/data/NOTICE": "x.scale\n"},
    ),
}

# Include rules that have more than one edge: (file, include, the rule or None).
EDGES = (
    ("pipeline/a.cpp", '"decoders/b.hpp"', "include-room"),
    ("decoders/a.cpp", '"io/b.hpp"', "include-room"),
    ("io/a.cpp", '"decoders/b.hpp"', "include-room"),
    ("stages/a.cpp", '"config/b.hpp"', "include-room"),
    ("config/a.cpp", '"tests/b.hpp"', "include-room"),
    ("tests/a.cpp", '"config/main.cpp"', "include-room"),
    ("io/a.cpp", '"b.hpp"', "include-room"),
    ("io/a.cpp", '"io/absent.hpp"', "include-room"),
    ("stages/a.cpp", '"io/uring_network.hpp"', "include-stage"),
    ("stages/a.cpp", '"io/b.hpp"', None),
    ("config/a.cpp", '"stages/b.hpp"', None),
    ("bench/a.cpp", '"decoders/b.hpp"', None),
    ("tests/io/a.cpp", '"beside.hpp"', None),
)


def names(files):
    """Names of the rules that report something in this tree."""
    return {name for _, _, name, _ in tidy.breaches(tidy.Tree(files))}


class Rules(unittest.TestCase):
    def test_every_rule_has_a_sample(self):
        self.assertEqual(set(LINES), {rule.name for rule in LINE_RULES})
        self.assertEqual(set(TREES), {r.__name__.replace("_", "-") for r in tidy.TREE_RULES})

    def test_line_rules_report_the_bad_line(self):
        for name, (path, bad, good) in LINES.items():
            with self.subTest(rule=name):
                self.assertIn(name, names({path: bad + "\n"}))
                self.assertNotIn(name, names({path: good + "\n"}))

    def test_line_rules_let_the_named_files_pass(self):
        self.assertNotIn("clock", names({"pipeline/clock.cpp": LINES["clock"][1] + "\n"}))
        self.assertNotIn("mutex", names({"io/resolver.cpp": LINES["mutex"][1] + "\n"}))

    def test_tree_rules_report_the_bad_tree(self):
        for name, (bad, good) in TREES.items():
            with self.subTest(rule=name):
                self.assertIn(name, names(bad))
                self.assertNotIn(name, names(good))

    def test_edges_between_rooms(self):
        targets = ("pipeline", "decoders", "io", "config", "tests", "stages")
        others = {f"{room}/b.hpp": GUARD for room in targets}
        others |= {"config/main.cpp": "", "io/uring_network.hpp": GUARD}
        others |= {"tests/io/beside.hpp": GUARD}
        for path, target, wanted in EDGES:
            with self.subTest(file=path, include=target):
                found = names({**others, path: f"#include {target}\n"})
                found &= {"include-room", "include-stage"}
                self.assertEqual(found, {wanted} if wanted else set())

    def test_a_header_that_does_not_stand_alone_is_reported(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        tree = tidy.Tree({"io/a.hpp": GUARD})
        found = list(tidy_headers.headers_alone(tree, os.path.join(root, "absent"), ""))
        self.assertEqual([name for _, _, name, _ in found], ["self-contained"])
        good = {path: text for path, text in tidy.read_tree(root).files.items() if "check" in path}
        self.assertEqual(list(tidy_headers.headers_alone(tidy.Tree(good), root, "")), [])

    def test_what_was_parsed_before_a_header_is_only_what_it_includes(self):
        texts = {
            "io/base.hpp": GUARD + "#include <vector>\ninline std::vector<int> base;\n",
            "io/good.hpp": GUARD + '#include "io/base.hpp"\ninline std::vector<int> good;\n',
            "io/lacks.hpp": GUARD + '#include "io/base.hpp"\ninline std::map<int, int> lacks;\n',
            "io/hides.hpp": GUARD + '#include <map>\n#include "io/lacks.hpp"\n',
        }
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "io"))
            for path, text in texts.items():
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            found = tidy_headers.headers_alone(tidy.Tree(texts), root, "")
            self.assertEqual([path for path, _, _, _ in found], ["io/lacks.hpp"])


class Splitting(unittest.TestCase):
    def test_strings_and_comments_are_not_code(self):
        text = 'a("// b"); // c "d"\n/* e\n */ f = \'"\'; g = R"x(h")x"; 1\'000;\n'
        code, comments = tidy_cpp.split(text)
        self.assertEqual(len(code), len(text))
        self.assertEqual(code.split(), ["a(", ");", "f", "=", ";", "g", "=", ";", "1'000;"])
        self.assertEqual(comments.split(), ["//", "c", '"d"', "/*", "e", "*/"])

    def test_functions_are_found_behind_initializers_and_templates(self):
        text = (
            "namespace a {\nstruct B {\n  int x = 1;\n  B() : x{2} {\n  }\n};\n"
            "template <class T>\nint f(T t) {\n  if (t) {\n  }\n  auto g = [] { return 1; };\n}\n"
            "int const table[] = {1, 2};\nTEST(A, b) {\n}\n} // namespace a\n"
        )
        self.assertEqual(list(tidy_cpp.functions(text)), [(4, 5), (7, 12), (14, 15)])


class Counting(unittest.TestCase):
    def count(self, stdout, result="OK"):
        return suite_report.count_program({"name": "x", "stdout": stdout, "result": result})[:3]

    def test_googletest_cases(self):
        text = (
            "[==========] Running 4 tests from 1 test suite.\n[       OK ] A.a (0 ms)\n"
            "[  FAILED  ] A.b (0 ms)\n[  SKIPPED ] A.c (0 ms)\n[       OK ] A.d (0 ms)\n"
            "[  SKIPPED ] 1 test, listed below:\n[  SKIPPED ] A.c\n[  FAILED  ] A.b\n"
        )
        self.assertEqual(self.count(text, "FAIL"), (2, 1, 1))

    def test_a_crash_is_a_failure(self):
        text = "[==========] Running 2 tests.\n[       OK ] A.a (0 ms)\n"
        self.assertEqual(self.count(text, "FAIL"), (1, 1, 0))

    def test_unittest_tap_and_plain_programs(self):
        text = "Ran 5 tests in 1s\nFAILED (failures=1, skipped=1)\n"
        self.assertEqual(self.count(text, "FAIL"), (3, 1, 1))
        self.assertEqual(self.count("ok 1 - a\nnot ok 2 - b\nok 3 # SKIP c\n", "FAIL"), (1, 1, 1))
        self.assertEqual(self.count("hello\n"), (1, 0, 0))
        self.assertEqual(self.count("hello\n", "TIMEOUT"), (0, 1, 0))


if __name__ == "__main__":
    unittest.main()
