#!/usr/bin/env python3
"""Proves that lint.py bites: a small tree with one fault for each way it looks."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
# Two that do not bear each other, which only the compiler sees; the header both include; one that
# is good, and one that is no C++.
FILES = {
    "pipeline/shared.hpp": "#pragma once\nnamespace pipeline {\n"
                           "inline int* none() { return 0; }\n}\n",
    "pipeline/first.cpp": "#include \"pipeline/shared.hpp\"\n"
                          "namespace pipeline {\nnamespace {\n"
                          "  int twice(int x) { return 2 * x; }\n}\n"
                          "int first(int const* from) {\n"
                          "    if (from == nullptr) return *from;\n"
                          "    return twice(*from) + (none() != nullptr);\n}\n}\n",
    "pipeline/second.cpp": "#include \"pipeline/shared.hpp\"\n"
                           "namespace pipeline {\nnamespace {\n"
                           "long twice(int x) { return 2L * x; }\n}\n"
                           "long second(int const* from) {\n    int* bad = 0;\n"
                           "    return twice(*from) + (none() != bad);\n}\n}\n",
    "pipeline/third.cpp": "namespace pipeline {\nint third() { return 3; }\n}\n",
    "pipeline/broken.cpp": "int broken( {\n",
}


def lint(*sources):
    with tempfile.TemporaryDirectory() as root:
        build = os.path.join(root, "build")
        os.makedirs(build)
        os.makedirs(os.path.join(root, "pipeline"))
        with open(os.path.join(HERE, "..", ".clang-tidy"), encoding="utf-8") as file:
            rules = file.read()
        for path, text in {**FILES, ".clang-tidy": rules}.items():
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        commands = [{"directory": build, "file": f"../pipeline/{name}.cpp",
                     "command": f"clang++-19 -I.. -std=c++23 -o {name}.o -c ../pipeline/{name}.cpp"}
                    for name in sources]
        with open(os.path.join(build, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump(commands, file)
        done = subprocess.run([sys.executable, os.path.join(HERE, "lint.py"), build], text=True,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.replace(os.path.realpath(root) + "/", "")


class Lint(unittest.TestCase):
    def test_finds_what_is_matched_what_is_followed_and_what_is_in_a_header_once(self):
        code, said = lint("first", "second", "third")
        self.assertEqual(code, 1, said)
        for line in ("pipeline/shared.hpp:3:29: error: use nullptr [modernize-use-nullptr",
                     "pipeline/second.cpp:7:16: error: use nullptr [modernize-use-nullptr",
                     "pipeline/first.cpp:7:33: error: Dereference of null pointer"):
            self.assertEqual(said.count(line), 1, said)
        self.assertIn("clang-tidy: 3 sources, 3 findings, ", said)

    def test_is_content_with_what_is_good(self):
        code, said = lint("third")
        self.assertEqual(code, 0, said)
        self.assertIn("clang-tidy: 1 sources, 0 findings, ", said)

    def test_a_source_that_cannot_be_read_is_a_finding_and_hides_no_other(self):
        code, said = lint("broken", "second")
        self.assertEqual(code, 1, said)
        self.assertIn("pipeline/broken.cpp", said)
        self.assertIn("pipeline/second.cpp:7:16: error: use nullptr", said)


if __name__ == "__main__":
    unittest.main()
