"""The shipped configuration is good, and the pipeline it makes is the one that was agreed on.

    python3 test_shipped_files.py [--write]     --write: what the program says is golden from now on
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = os.environ.get("SPYHOP_BIN", str(ROOT / "build" / "spyhop"))
TABLE = HERE / "topology.txt"


def spyhop(*arguments):
    done = subprocess.run([BIN, *map(str, arguments)], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def table_without_machine():
    """The table of the default configuration; which core a thread gets is the machine's."""
    code, out, err = spyhop("topology")
    if code != 0:
        raise AssertionError(err)
    return "\n".join(line.rstrip() for line in out.splitlines()) + "\n"


class ShippedFiles(unittest.TestCase):
    maxDiff = 8000

    def test_the_default_topology_is_the_golden_one(self):
        self.assertEqual(table_without_machine(), TABLE.read_text(encoding="utf-8"))

    def test_the_default_configuration_has_no_fault_of_its_own(self):
        code, _, err = spyhop("check", "--no-network", "-c", ROOT / "config" / "default.toml")
        # Who may write to /var/lib is the machine's affair, everything else is ours.
        faults = [line for line in err.splitlines() if "service.state_dir" not in line]
        self.assertEqual(faults, [])
        self.assertIn(code, (0, 78))

    def test_the_graph_joins_what_the_table_lists(self):
        _, dot, _ = spyhop("topology", "--dot")
        self.assertRegex(dot, r"^digraph [^{]*\{")
        self.assertEqual(dot.count("{"), dot.count("}"))
        joined = re.findall(r'"([^"]+)"\s*->\s*"([^"]+)"', dot)
        self.assertGreaterEqual(len(joined), 6)
        for stage in {stage for pair in joined for stage in pair}:
            self.assertIn(stage, TABLE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if "--write" in sys.argv:
        TABLE.write_text(table_without_machine(), encoding="utf-8")
    else:
        unittest.main(verbosity=2)
