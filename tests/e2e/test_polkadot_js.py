"""polkadot-js itself talks to `spyhop node`: generated traffic, over both of its runtimes."""

import re
import unittest

from harness import HERE, Case, main, need_node_packages


class PolkadotJs(Case):
    def test_it_connects_reads_metadata_follows_and_decodes(self):
        need_node_packages()
        peer = self.start("node", HERE / "polkadot_js.mjs", "--block-time", "500ms")
        code = peer.wait(300)
        lines = [line for line in peer.out if re.match(r"(not )?ok ", line)]
        bad = [line for line in lines if line.startswith("not ok")]
        self.assertEqual((code, bad), (0, []), peer.story())
        self.assertGreater(len(lines), 20)
        print(f"{len(lines)} checks by @polkadot/api")


if __name__ == "__main__":
    main()
