"""The tables of tidy.py: who may include whom, and what a line may not contain where."""

import re
from dataclasses import dataclass

ROOMS = ("pipeline", "decoders", "io", "stages", "config")

MAY_INCLUDE = {
    "pipeline": ("pipeline",),
    "decoders": ("pipeline", "decoders"),
    "io": ("pipeline", "io"),
    "stages": ("pipeline", "decoders", "io", "stages"),
    "config": ROOMS,
    "bench": ROOMS + ("bench",),
    "tests": ROOMS + ("tests",),
}

# Headers of io that name one way to reach the outside; a stage is given the interface instead.
CONCRETE_IO = (
    "io/proactor.hpp", "io/uring_network.hpp", "io/loopback_network.hpp", "io/tls.hpp",
    "io/resolver.hpp",
)

# One page by design, however long.
LONG_FILES = ("stages/messages.hpp", "config/keys.cpp")

CHECKS = ("tests/*", "bench/*")

# Which files may include which library: first a pattern of the path, then the owners. The stand-in
# node (stages/standin_*) reads scenarios and requests, the admin socket takes requests as JSON.
ANGLE_OWNERS = (
    (r"liburing", ("io/*", "tests/io/*")),
    (r"lmdb", ("io/store*", "tests/io/*")),
    (r"openssl/", ("io/*", "tests/*")),
    (r"wslay/", ("io/*", "tests/io/*")),
    (r"boost/(beast|asio)", ("io/*", "tests/io/*")),
    (r"simdjson", ("decoders/*", "config/*", "stages/standin_*", "stages/admin_*") + CHECKS),
    (r"sodium", ("decoders/*", "tests/*")),
    (r"xxhash", ("decoders/*", "io/*", "tests/*")),
    (r"toml", ("config/*", "stages/standin_*", "tests/config/*", "tests/stages/*")),
    (r"(CLI|spdlog)", ("config/*", "tests/config/*")),
    (r"(sys/(socket|un)|netinet/|arpa/inet|netdb)", ("io/*", "config/notify.cpp", "tests/*")),
    (r"(gtest|gmock)/", ("tests/*",)),
    (r"benchmark/", ("bench/*",)),
)


@dataclass(frozen=True)
class LineRule:
    """One thing no line may contain, except in the files whose job it is."""

    name: str
    pattern: re.Pattern
    advice: str
    allowed: tuple = ()
    scope: tuple = ("*.hpp", "*.cpp")
    part: str = "code"  # code (strings blank), comment, or the whole text
    excuse: re.Pattern | None = None  # a comment near the line that makes it right


def rule(name, pattern, advice, **more):
    if "excuse" in more:
        more["excuse"] = re.compile(more["excuse"])
    return LineRule(name, re.compile(pattern), advice, **more)


PRODUCT = tuple(f"{room}/*{end}" for room in ROOMS for end in (".hpp", ".cpp"))
DATA_PLANE = tuple(glob for glob in PRODUCT if not glob.startswith("config/"))
WRITTEN = ("*.hpp", "*.cpp", "*.py", "*.mjs", "*.build", "*.md", "*.toml", "dev", ".ci/run")
# The rules name the very words they forbid.
THEMSELVES = ("tests/tidy*.py", "tests/test_tidy*.py")

LINE_RULES = (
    rule(
        "clock",
        r"\b(clock_gettime|gettimeofday|timespec_get|localtime\w*|gmtime\w*)\s*\(|\bstd::time\b"
        r"|\b(system|steady|high_resolution)_clock\b|\btime\s*\(\s*(NULL|nullptr|0)\s*\)",
        "time is injected: take a pipeline::Clock const&",
        allowed=("pipeline/clock.cpp", "bench/*"),
    ),
    rule(
        "random",
        r"\bstd::random_device\b|(?<!\w)::random\s*\("
        r"|\b(rand|srand|drand48|getrandom|getentropy|RAND_bytes)\s*\(",
        "randomness is injected by main() so that a run can be repeated: take a seed",
        allowed=("io/random.cpp",),
    ),
    rule(
        "environment",
        r"\b(secure_getenv|getenv|setenv|putenv)\s*\(",
        "the environment is read in a few files of config/ only: take the value as an option",
        allowed=(
            "config/check_environment.cpp", "config/cmd_admin.cpp", "config/main.cpp",
            "config/notify.cpp",
        ) + CHECKS,
    ),
    rule(
        "sleep",
        r"\b(sleep|usleep|nanosleep|clock_nanosleep|sleep_for|sleep_until)\s*\(",
        "nothing sleeps: park the poller with a deadline; a test turns its ManualClock",
    ),
    rule(
        "open",
        r"\b(fopen|freopen|openat|creat|mkostemp|mkstemp)\s*\(|(?<![\w>])::open\s*\("
        r"|\bstd::(basic_)?[io]?fstream\b",
        "files are opened in io/files, io/append_file and io/capture only: use those",
        allowed=(
            "io/files.cpp", "io/append_file.cpp", "io/capture*.cpp", "io/proactor.cpp",
            "io/store_mark.cpp", "io/group_lock.cpp",
        ) + CHECKS,
    ),
    rule(
        "socket",
        r"\b(socket|socketpair|getaddrinfo|setsockopt|getsockopt)\s*\("
        r"|(?<![\w>])::(bind|listen|accept4?|connect|sendto|sendmsg|recvmsg)\s*\(",
        "sockets are made in io/ only: take an io::Network&",
        allowed=("io/*.cpp", "config/notify.cpp", "tests/*"),
    ),
    rule(
        "thread",
        r"\bstd::(jthread|thread|async)\b(?!::)",
        "threads are a layout declared in the topology, not something a part starts for itself",
        allowed=("pipeline/topology*", "pipeline/threads*", "io/resolver.*", "config/*") + CHECKS,
    ),
    rule(
        "mutex",
        r"\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::condition_variable\b"
        r"|\bstd::(lock_guard|unique_lock|scoped_lock|shared_lock|call_once)\b",
        "no mutex where data flows: hand it over a Link",
        allowed=("io/resolver.*",) + CHECKS,
    ),
    rule(
        "atomic",
        r"\bstd::(atomic\w*|memory_order\w*)|\b__(atomic|sync)_\w+|\bboost::atomic\b",
        "atomics live in link, arena, switchboard, metrics, driver and at io's thread boundary: "
        "use those",
        allowed=(
            "pipeline/ring.hpp", "pipeline/arena.hpp", "pipeline/switchboard.hpp",
            "pipeline/board.hpp",
            "pipeline/metrics.*", "pipeline/driver.*", "pipeline/stop.hpp", "pipeline/sleeper.*",
            "io/resolver.*",
            "io/proactor.*", "config/signals.*",
        ) + CHECKS,
    ),
    rule(
        "order-comment",
        r"\bmemory_order(_|::)(acquire|release|acq_rel|consume|seq_cst)\b",
        "say in a comment which line this order pairs with",
        scope=PRODUCT,
        excuse=r"//.*\b(pair|partner|pairs|order|orders)\b",
    ),
    rule(
        "shared-ptr",
        r"\bstd::(shared_ptr|weak_ptr|make_shared|enable_shared_from_this)\b",
        "one owner: std::unique_ptr, a value, or a reference to what outlives you",
        allowed=("config/log.cpp",),  # spdlog takes its sinks so
    ),
    rule(
        "throw",
        r"\bthrow\b",
        "errors of the outside world are std::expected, bugs are CHECK",
        allowed=CHECKS,
    ),
    rule(
        "assert",
        r"(?<!static_)\bassert\s*\(|<cassert>|<assert\.h>",
        "use CHECK for our own bugs (it stays on) and std::expected for input",
    ),
    rule(
        "print",
        r"\b(v?f?printf|puts|fputs|putchar|perror)\s*\(|\bstd::(cout|cerr|clog|print(ln)?)\b"
        r"|\bfmt::print(ln)?\b",
        "only commands print: write to the Log you were given, or return the text",
        allowed=("pipeline/check.cpp",),
        scope=DATA_PLANE,
    ),
    rule(
        "exit",
        r"\b(_?exit|quick_exit|abort|terminate)\s*\(",
        "only main() ends the process: return an error",
        allowed=("pipeline/check.cpp", "config/*") + CHECKS,
    ),
    rule(
        "static-state",
        r"^\s*(inline\s+)?(static|thread_local)\s+(?!assert)(?!.*\b(const|constexpr|constinit)\b)"
        r"[^()]*?[\w>\]]\s*(=(?!=)|;|\{)"
        r"|^\s+static\s+(?!.*\b(const|constexpr)\b)[\w:<>]+\s+\w+\(\w+\);",
        "no globals and no hidden state: make it a member of what owns it",
        allowed=("tests/*",),  # a counting allocator, runtimes compiled once for all tests
    ),
    rule(
        "using-namespace",
        r"^using\s+namespace\s+(?!\w*literals|std::\w*literals|std::literals)",
        "name what you use",
        allowed=("config/topology.cpp",),  # it reads like a table
        scope=PRODUCT + ("tests/*.hpp", "bench/*.hpp"),
    ),
    rule(
        "bare-memory",
        r"(?<![\w.>])(malloc|calloc|realloc|strcpy|strcat|sprintf|gets|alloca|strtok)\s*\(",
        "memory has an owner and text a size: a container, a span, memcpy with a checked length",
        allowed=("pipeline/arena.hpp",) + CHECKS,
    ),
    rule(
        "test-name",
        r"^TEST(_F|_P)?\((?![A-Z][A-Za-z0-9]*, [a-z][a-z0-9_]*\))",
        "TEST(ScaleCursor, rejects_redundant_compact): the subject, then what it does",
        scope=("tests/*.cpp",),
    ),
    rule(
        "marker",
        r"\b(TODO|FIXME|XXX|HACK)\b",
        "do it, or write it down where work is planned",
        allowed=THEMSELVES,
        scope=WRITTEN,
        part="text",
    ),
    rule(
        "history",
        r"(?i)\b(no longer(?! than)|previously|formerly|for now|not (yet )?implemented|anymore"
        r"|(it|this|we|that|which|there) used to|used to be"
        r"|was (renamed|moved|changed) (to|from))\b",
        "comments say why it is so; how it came about is told by git",
        allowed=THEMSELVES,
        part="comment",
    ),
    rule(
        "machine-path",
        r"(?<![\w.*])/(home|root|work|tmp/[a-z])[/\w-]*",
        "name no place of one machine: take it as an option, or from the environment",
        allowed=THEMSELVES + ("dev",),
        scope=WRITTEN,
        part="text",
    ),
)
