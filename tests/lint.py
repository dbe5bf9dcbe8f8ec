#!/usr/bin/env python3
"""clang-tidy over the whole tree: `python3 tests/lint.py BUILD_DIR [--jobs N] [SOURCE...]`.

BUILD_DIR is configured with clang and without precompiled headers. Prints each finding once, as
clang-tidy does, and ends with 1 if there was one, or if a source could not be read.

clang-tidy matches every check against every header a source includes: fifteen seconds of ours for
two of its own. So the checks that match are run over batches, a dozen sources of one target read
as one, and the headers are matched once. Sources that do not bear each other (two helpers of one
name, each in an anonymous namespace) go to different batches. The path-sensitive analyser sees
only the file it is given, so it is run over the sources of the product one by one; over tests it
follows GoogleTest's macros for a minute a file, and they are run under sanitizers instead.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time

TIDY = "clang-tidy-19"
BATCH = 12
# Options that name a file of one source, with how many words each takes.
OF_ONE_SOURCE = {"-MQ": 2, "-MF": 2, "-o": 2, "-c": 2, "-MD": 1}
ANALYSED = ("pipeline/", "decoders/", "io/", "stages/", "config/")
# How far the analyser follows one function. Its default of 225,000 spends a minute inside fmt and
# the standard library on some of our sources (topology.cpp of pipeline/: 65 s; with 40,000, 14).
NODES = ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=30000")
# A batch includes its sources, which is what this check is about: the pass by file has it.
BY_FILE = "bugprone-suspicious-include"
# What a source declares: two that declare the same are not put together. A guess; the compiler has
# the last word.
DECLARED = (r"^(?!namespace|return|template|using (?!\w+ =))"
            r"(?:(?:struct|class|union|enum(?: class)?|using)\s+|TEST\w*\(|"
            r"(?:[\w:<>,&*\[\]]+\s+)+[&*]?)(\w+(?:, \w+)?)\s*(?:[({=;\[,)]|final|:|$)")
# How many compilers run at once.
slots = threading.Semaphore(1)
FINDING = re.compile(r"^(?P<file>[^\s:]+):\d+:\d+: (?:error|warning|fatal error): ")
# Ours alone, however the compiler names them: by the place from where they are included.
HEADERS = r"/(pipeline|decoders|io|stages|config|bench|tests)/[a-z0-9_/]+\.[ch]pp$"


def flags_of(command):
    """What a compilation shares with the others of its target."""
    words, kept = shlex.split(command)[1:], []
    while words:
        taken = OF_ONE_SOURCE.get(words[0], 0)
        if not taken:
            kept.append(words[0])
        words = words[max(taken, 1):]
    return tuple(kept)


def targets(build, only):
    """{flags: [source]} of our own sources; one that several targets compile is read once."""
    root, seen, found = os.path.dirname(build), set(), {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    for entry in commands:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        ours = source.startswith(root + os.sep) and not source.startswith(build + os.sep)
        if not ours or source in seen:
            continue
        if only and source not in only:
            continue
        seen.add(source)
        found.setdefault(flags_of(entry["command"]), []).append(source)
    return found


def run(command, build):
    with slots:
        done = subprocess.run(command, cwd=build, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def names_in(source):
    """What a source declares at the beginning of a line: types, functions, constants, tests."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    return set(re.findall(DECLARED, text, re.M)) - {"main"}


def groups(sources):
    """Up to BATCH sources each, none of which declares what another one does, as far as seen."""
    found = []
    for source in sources:
        names = names_in(source)
        for group, taken in found:
            if len(group) < BATCH and not names & taken:
                group.append(source)
                taken |= names
                break
        else:
            found.append(([source], names))
    return [group for group, _ in found]


def at_odds(sources, path, flags, build):
    """The sources of a batch that the compiler refuses beside those before them; what it said."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f'#include "{source}"\n' for source in sources)
    command = ["clang++-19", *flags, "-w", "-fsyntax-only", "-ferror-limit=0", path]
    status, said = run(command, build)
    if status == 0:
        return set(), ""
    blamed = {match["file"] for line in said.split("\n") if (match := FINDING.match(line))}
    return (blamed & set(sources[1:])) or set(sources[1:]), said


def batches(sources, name, flags, build):
    """Yields (file, sources, what the compiler said) until every source has its place."""
    waiting, number = groups(sources), 0
    while waiting:
        number += 1
        path = os.path.join(build, "lint", f"{name}-{number}.cpp")
        taken, left = waiting.pop(0), []
        while True:
            refused, said = at_odds(taken, path, flags, build)
            if not refused:
                break
            left += [source for source in taken if source in refused]
            taken = [source for source in taken if source not in refused]
        waiting += [left] if left else []
        yield path, taken, said


def tidy(path, flags, build, checks):
    """clang-tidy's findings, each a block of lines; or that it did not read the file."""
    command = [TIDY, "--quiet", f"--checks={checks}", f"--header-filter={HEADERS}", path, "--",
               *flags]
    status, said = run(command, build)
    blocks = []
    for line in said.split("\n"):
        if match := FINDING.match(line):
            # One name for one place, whoever includes it.
            file = os.path.normpath(os.path.join(build, match["file"]))
            blocks.append([file + line[match.end("file"):]])
        elif blocks and not re.match(r"^\d+ warnings? (generated|treated)", line):
            blocks[-1].append(line)
    found = ["\n".join(block).rstrip() for block in blocks]
    if status != 0 and not found:
        found = [f"{path}: clang-tidy ended with {status}:\n{said.strip()}"]
    return found


def lint_batch(path, sources, said, flags, build):
    if said and len(sources) == 1:
        return [f"{sources[0]}: the compiler refuses it:\n{said.strip()}"]
    return tidy(path, flags, build, f"-clang-analyzer-*,-{BY_FILE}")


def lint_source(source, flags, build):
    return tidy(source, flags + NODES, build, f"-*,clang-analyzer-*,{excluded(build)}{BY_FILE}")


def excluded(build):
    """The analyser's checks that .clang-tidy leaves out: --checks above starts from nothing."""
    with open(os.path.join(os.path.dirname(build), ".clang-tidy"), encoding="utf-8") as file:
        return "".join(re.findall(r"^  (-clang-analyzer-\S+,)$", file.read(), re.M))


def analysed(source, build):
    return os.path.relpath(source, os.path.dirname(build)).startswith(ANALYSED)


def lint(build, only, tell):
    """Tells findings as they come: what is matched first, which finds most in the least time."""
    os.makedirs(os.path.join(build, "lint"), exist_ok=True)
    found = targets(build, only)
    if not found:
        tell([f"{build}: no source of ours is compiled there"])

    def match(number, flags, sources):
        for path, taken, said in batches(sources, f"batch-{number}", flags, build):
            tell(lint_batch(path, taken, said, flags, build))

    with concurrent.futures.ThreadPoolExecutor(len(found) + 1) as pool:
        work = [pool.submit(match, number, *target) for number, target in enumerate(found.items())]
        for done in work:
            done.result()
        alone = [(source, flags) for flags, sources in found.items() for source in sources
                 if analysed(source, build)]
        for findings in pool.map(lambda one: lint_source(*one, build), alone):
            tell(findings)


def main():
    parser = argparse.ArgumentParser(description="clang-tidy over the whole tree")
    parser.add_argument("build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("source", nargs="*", help="these alone; without them every source")
    options = parser.parse_intermixed_args()
    build = os.path.abspath(options.build)
    only = {os.path.abspath(source) for source in options.source}
    global slots
    slots = threading.Semaphore(options.jobs)
    started, told, telling = time.monotonic(), set(), threading.Lock()

    def tell(findings):
        with telling:
            for finding in findings:
                title = finding.split("\n", 1)[0]  # notes differ with who includes a header
                if title not in told:
                    told.add(title)
                    print(finding, flush=True)

    lint(build, only, tell)
    sources = sum(len(group) for group in targets(build, only).values())
    print(f"clang-tidy: {sources} sources, {len(told)} findings, "
          f"{time.monotonic() - started:.0f} s")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
