#!/usr/bin/env python3
"""The rules of the house, checked: `python3 tests/tidy.py [--cache FILE] [--no-compile] [ROOT]`.

Prints `file:line: rule: what to do` for every breach and ends with 1 if there was one. Rules about
a line are rows of tidy_rules.py; rules about a file or the whole tree are functions here. Each has
a bad sample in test_tidy.py that proves it bites.
"""

import argparse
import os
import re
import subprocess
import sys
from fnmatch import fnmatch

import tidy_cpp
import tidy_headers
from tidy_rules import (
    ANGLE_OWNERS, CONCRETE_IO, LINE_RULES, LONG_FILES, MAY_INCLUDE, ROOMS,
)

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

CPP = (".hpp", ".cpp")
SOURCE = CPP + (".py", ".mjs", ".js", ".S", ".build", ".sh")
TEXT = SOURCE + (".md", ".toml", ".txt", ".json", ".service", ".yml", ".html", ".css", ".conf")
SCRIPTS = ("dev", ".ci/run", "bench/peer/run", "config/packaging/make_deb", "NOTICE")
UNNAMED_DATA = ("NOTICE", "meson.build", "package.json", "package-lock.json", ".npmrc")
SKIPPED_DIRECTORIES = ("build*", "node_modules", ".git", "__pycache__")


class Tree:
    """The text files of the project: path from the root -> text; binaries are None."""

    def __init__(self, files):
        self.files = files
        # What precompiled/ lists is for the compiler: no source includes it, it declares nothing.
        self.cpp = {
            path: text
            for path, text in files.items()
            if path.endswith(CPP) and room_of(path) != "precompiled"
        }
        self.split = {path: tidy_cpp.split(text) for path, text in self.cpp.items()}
        self.included = {}

    def includes(self, path):
        """(line, quote, target); tests and benches may name a header that lies beside them."""
        if path not in self.included:
            self.included[path] = list(self.read_includes(path))
        return self.included[path]

    def read_includes(self, path):
        for number, quote, target in tidy_cpp.includes(self.files[path], self.split[path][0]):
            beside = os.path.join(os.path.dirname(path), target)
            near = room_of(path) in ("tests", "bench") and beside in self.files
            yield number, quote, beside if near else target

    def source(self):
        """Everything people write by hand line by line."""
        for path, text in self.files.items():
            if text is not None and (path.endswith(SOURCE) or path in SCRIPTS):
                yield path, text


def room_of(path):
    return path.split("/", 1)[0]


def columns(tree):
    """lines stay within the width of two panes: break it"""
    for path, text in tree.source():
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > COLUMNS_MAX:
                yield path, number, f"{len(line)} columns, at most {COLUMNS_MAX}"


def file_length(tree):
    """a file is one subject: find the second one in it and give it a file of its own"""
    for path, text in tree.source():
        lines = text.count("\n")
        if lines > FILE_LINES_MAX and path not in LONG_FILES:
            yield path, FILE_LINES_MAX + 1, f"{lines} lines, at most {FILE_LINES_MAX}"


def function_length(tree):
    """a function is one thought: give a name to a part of it"""
    for path, (code, _) in tree.split.items():
        for first, last in tidy_cpp.functions(code):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield path, first, f"{last - first + 1} lines, at most {FUNCTION_LINES_MAX}"


def characters(tree):
    """plain UTF-8 text: no tab, control character, carriage return or blank at the end of a line"""
    for path, text in tree.files.items():
        if text is None or not (path.endswith(TEXT) or path in SCRIPTS):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"[\x00-\x1f\x7f\ufeff\ufffd]", line):
                yield path, number, "a control character, a tab or bytes that are not UTF-8"
            elif line != line.rstrip():
                yield path, number, "blanks at the end of the line"
        if text and not text.endswith("\n"):
            yield path, text.count("\n") + 1, "no newline at the end of the file"


def contract(tree):
    """a header opens with its contract: what it is, threads, ownership, failures; then the guard"""
    for path, text in tree.cpp.items():
        if not path.endswith(".hpp"):
            continue
        lines = text.split("\n")
        guard = next((n for n, line in enumerate(lines) if line == "#pragma once"), None)
        if guard is None:
            yield path, 1, "no `#pragma once`"
            continue
        before = [line for line in lines[:guard] if line.strip()]
        if any(not line.startswith("//") for line in before):
            yield path, 1, "something stands before `#pragma once` that is not the contract"
        elif sum(len(line.strip("/ ")) for line in before) < 50:
            yield path, 1, "the contract is missing, or too short to be one"


def namespace(tree):
    """folder = namespace: declare it inside the namespace of its room"""
    for path, (code, _) in tree.split.items():
        room = room_of(path)
        if room in ROOMS and path != "config/main.cpp":
            if not re.search(rf"\bnamespace {room}\b", code):
                yield path, 1, f"nothing here is in namespace {room}"


def file_name(tree):
    """files are snake_case"""
    for path in tree.cpp:
        if not re.fullmatch(r"[a-z][a-z0-9_]*\.(hpp|cpp)", os.path.basename(path)):
            yield path, 1, "the name is not snake_case"


def include_room(tree):
    """rooms include only leftward (pipeline <- decoders, io <- stages <- config <- tests, bench)"""
    for path, text in tree.cpp.items():
        for number, quote, target in tree.includes(path):
            room, to = room_of(path), room_of(target)
            if quote == '"' and to not in MAY_INCLUDE:
                yield path, number, f'write "room/file.hpp", not "{target}"'
            elif quote == '"' and to not in MAY_INCLUDE.get(room, ()):
                yield path, number, f"{room}/ may not know {to}/"
            elif quote == '"' and target not in tree.files:
                yield path, number, f"there is no {target}"
            elif quote == '"' and target.endswith(".cpp"):
                yield path, number, "a .cpp is compiled, not included"


def include_library(tree):
    """a library is wrapped by the room that owns it: use the wrapper"""
    for path, text in tree.cpp.items():
        for number, quote, target in tree.includes(path):
            for pattern, owners in ANGLE_OWNERS:
                if quote == "<" and re.match(pattern, target):
                    if not any(fnmatch(path, owner) for owner in owners):
                        yield path, number, f"<{target}> belongs to {', '.join(owners)}"


def include_stage(tree):
    """a stage knows messages.hpp and io's interfaces, not another stage and no concrete network"""
    for path, text in tree.cpp.items():
        if room_of(path) != "stages":
            continue
        for number, _, target in tree.includes(path):
            if target in CONCRETE_IO:
                yield path, number, f"{target} is concrete: take its interface by reference"
            elif is_stage(tree, target) and family(target) != family(path):
                yield path, number, f"{target} is another stage: put what both need elsewhere"


def is_stage(tree, path):
    """Every stage, and nothing else, says how much one call may emit."""
    return room_of(path) == "stages" and path in tree.split and "max_burst" in tree.split[path][0]


def family(path):
    """rpc_source.hpp and rpc_requests.cpp are parts of one stage: the first word counts."""
    return re.split(r"[_.]", os.path.basename(path))[0]


def owner_copy(tree):
    """a type that cleans up must not be copied by accident: delete its copy constructor"""
    everything = "".join(code for code, _ in tree.split.values())
    for path, (code, _) in tree.split.items():
        for found in re.finditer(r"\b(?:class|struct)\s+(\w+)\b([^;{}()]*)\{", code):
            name, bases = found.groups()
            body = tidy_cpp.block(code, found.end())
            cleans_up = re.search(rf"~{name}\s*\(\s*\)(?![^;{{]*=\s*default)", body)
            # A unique_ptr, an atomic or a base that cannot be copied forbids it as well.
            forbidden = rf"\b{name}\({name}(?: const)?&|\bstd::(unique_ptr|atomic)\b"
            if cleans_up and not re.search(forbidden, body):
                if not any(
                    re.search(rf"\b{base}\({base} const&\)\s*=\s*delete", everything)
                    for base in re.findall(r"\w+", bases)
                ):
                    at = found.end() + cleans_up.start()
                    yield path, code.count("\n", 0, at) + 1, f"{name} may be copied"


def dead_source(tree):
    """a source that no meson.build names is dead: build it or delete it"""
    for path in tree.cpp:
        if path.endswith(".cpp") and not is_built(tree, path):
            yield path, 1, "no meson.build names it"


def is_built(tree, path):
    directory, base = os.path.split(path)
    stem = base.removesuffix(".cpp")
    names = {base, stem, path, stem.split("_", 1)[-1], stem.split("_", 1)[-1] + ".cpp"}
    while True:
        for build in (os.path.join(directory, "meson.build"), "meson.build"):
            quoted = re.findall(r"'([^']+)'", tree.files.get(build) or "")
            relative = os.path.relpath(path, directory or ".")
            if names & set(quoted) or relative in quoted:
                return True
        if not directory:
            return False
        directory = os.path.dirname(directory)


def dead_header(tree):
    """a header that only its own source includes is private or dead: merge it or delete it"""
    users = {}
    for path, text in tree.cpp.items():
        for _, _, target in tree.includes(path):
            users.setdefault(target, set()).add(path)
    for path in tree.cpp:
        if path.endswith(".hpp"):
            others = users.get(path, set()) - {path, path.removesuffix(".hpp") + ".cpp"}
            if not others:
                yield path, 1, "nobody else includes it"


def dead_data(tree):
    """data that nothing names is dead: use it, name its origin in a NOTICE, or delete it"""
    texts = [(path, text) for path, text in tree.files.items() if text is not None]
    for path in tree.files:
        base = os.path.basename(path)
        if not path.startswith("tests/data/") or base in UNNAMED_DATA:
            continue
        # A script may put the ending on: the name without it counts.
        stem = base.split(".")[0]
        if not any(stem in text for other, text in texts if other != path):
            yield path, 1, "no other file names it"


TREE_RULES = (
    columns, file_length, function_length, characters, contract, namespace, file_name, include_room,
    include_library, include_stage, owner_copy, dead_source, dead_header, dead_data,
)


def line_breaches(tree):
    for path, text in tree.files.items():
        if text is None:
            continue
        code, comments = tree.split.get(path, (text, text))
        parts = {"code": code, "comment": comments, "text": text}
        for rule in LINE_RULES:
            if not any(fnmatch(path, glob) for glob in rule.scope):
                continue
            if any(fnmatch(path, glob) for glob in rule.allowed):
                continue
            for number, line in enumerate(parts[rule.part].split("\n"), 1):
                if rule.pattern.search(line) and not excused(rule, text, number):
                    yield path, number, rule.name, rule.advice


def excused(rule, text, number):
    """Some rules want a comment at the place, or up to two lines above it; then all is well."""
    if rule.excuse is None:
        return False
    near = text.split("\n")[max(0, number - 3) : number + 1]
    return any(rule.excuse.search(line) for line in near)


def breaches(tree):
    for rule in TREE_RULES:
        name = rule.__name__.replace("_", "-")
        for path, number, what in rule(tree):
            yield path, number, name, f"{what}; {rule.__doc__}"
    yield from line_breaches(tree)


# --- reading -------------------------------------------------------------------------------------


def listed(root):
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            paths = done.stdout.split("\0")
            return [path for path in paths if path and "node_modules" not in path.split("/")]
    except OSError:
        pass
    found = []
    for folder, directories, files in os.walk(root):
        directories[:] = [
            name for name in directories if not any(fnmatch(name, g) for g in SKIPPED_DIRECTORIES)
        ]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return found


def read_tree(root):
    files = {}
    for path in sorted(set(listed(root))):
        full = os.path.join(root, path)
        if not os.path.isfile(full):
            continue
        with open(full, "rb") as file:
            data = file.read()
        text = path.endswith(TEXT) or path in SCRIPTS or b"\0" not in data[:8192]
        files[path] = data.decode("utf-8", "replace") if text else None
    return Tree(files)


def main():
    parser = argparse.ArgumentParser(description="Checks the rules of the house.")
    parser.add_argument("root", nargs="?", default=os.path.join(os.path.dirname(__file__), ".."))
    parser.add_argument("--cache", default="", help="file that remembers which headers compiled")
    parser.add_argument("--no-compile", action="store_true", help="leave out self-contained")
    options = parser.parse_args()
    root = os.path.abspath(options.root)
    tree = read_tree(root)
    found = list(breaches(tree))
    if not options.no_compile:
        found += tidy_headers.headers_alone(tree, root, options.cache)
    for path, number, name, advice in sorted(found):
        print(f"{path}:{number}: {name}: {advice}")
    print(f"tidy: {len(found)} breaches in {len(tree.files)} files", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
