"""Headers that stand alone: each is compiled by itself, so one that lacks an include is found.

What a header reads is parsed once for all its readers. A header that others include becomes a
precompiled header, and the next one starts from that of its largest own include: it sees nothing
that it does not name itself, and each of those has been compiled by itself before. Where this
fails, for whatever reason, the header is compiled once more with nothing before it: that decides.
"""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import tempfile

COMPILER = "clang++-19"


def closure(tree, path, seen):
    if path in tree.cpp and path not in seen:
        seen.add(path)
        for _, _, target in tree.includes(path):
            closure(tree, target, seen)
    return seen


class Check:
    """One pass over the headers; its precompiled headers live in `folder`."""

    def __init__(self, tree, root, folder):
        self.root = root
        self.folder = folder
        self.own = {}
        self.size = {}
        for path in tree.cpp:
            if path.endswith(".hpp"):
                self.own[path] = {t for _, _, t in tree.includes(path) if t.endswith(".hpp")}
                self.size[path] = len(closure(tree, path, set()))
        self.base = {path: self.largest(path) for path in self.own}
        self.broken = set()

    def largest(self, path):
        """The own include that brings most; of two in a circle neither may be built on the other"""
        smaller = [t for t in self.own[path] if self.size.get(t, 1 << 30) < self.size[path]]
        return max(smaller, key=lambda target: (self.size[target], target), default=None)

    def file_of(self, path, ending):
        return os.path.join(self.folder, path.replace("/", "-") + ending)

    def compile(self, path, keep):
        """None, or what the compiler said; with `keep` the result serves those that build on it."""
        base = self.base[path]
        if base and base not in self.broken and self.compile_on(base, path, keep) is None:
            return None
        error = self.compile_on(None, path, keep)
        if error is not None:
            self.broken.add(path)
        return error

    def compile_on(self, base, path, keep):
        stub = self.file_of(path, "")
        with open(stub, "w", encoding="utf-8") as file:
            file.write(f'#include "{path}"\n#include "{path}"\n')
        command = [COMPILER, "-std=c++23", "-I", self.root, "-x", "c++-header", stub]
        command += ["-w", "-fno-crash-diagnostics"]
        command += ["-o", self.file_of(path, ".pch")] if keep else ["-fsyntax-only"]
        if base:
            command += ["-include-pch", self.file_of(base, ".pch")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr or "the compiler failed"

    def run(self, wanted):
        """Header -> error or None, for the wanted ones and what they are built on."""
        needed, bases = set(wanted), set()
        for path in wanted:
            while self.base[path]:
                path = self.base[path]
                needed.add(path)
                bases.add(path)
        levels = {}
        for path in sorted(needed):
            depth, at = 0, path
            while self.base[at]:
                depth, at = depth + 1, self.base[at]
            levels.setdefault(depth, []).append(path)
        errors = {}
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for _, level in sorted(levels.items()):
                done = pool.map(lambda path: self.compile(path, path in bases), level)
                errors.update(zip(level, done))
        return errors


def headers_alone(tree, root, cache_path):
    """Compiles each header alone; what compiled once is remembered by the hash of all it reads."""
    try:
        with open(cache_path, encoding="utf-8") as file:
            good = set(json.load(file))
    except (OSError, ValueError, TypeError):
        good = set()
    version = subprocess.check_output([COMPILER, "--version"], text=True)
    keys = {}
    for path in sorted(path for path in tree.cpp if path.endswith(".hpp")):
        parts = [version] + [f"{p}\0{tree.cpp[p]}" for p in sorted(closure(tree, path, set()))]
        keys[path] = hashlib.sha256("\0".join([path] + parts).encode()).hexdigest()
    wanted = [path for path, key in keys.items() if key not in good]
    with tempfile.TemporaryDirectory() as folder:
        errors = Check(tree, root, folder).run(wanted)
    if cache_path:
        with open(cache_path, "w", encoding="utf-8") as file:
            json.dump(sorted(key for path, key in keys.items() if not errors.get(path)), file)
    for path, error in errors.items():
        if error:
            line = next((t for t in error.split("\n") if "error" in t), error[:200])
            what = f"does not compile alone ({line}); include what is used"
            yield path, 1, "self-contained", what
