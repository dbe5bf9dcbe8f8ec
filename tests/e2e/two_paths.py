"""A service whose node and Subscan tell the same generated traffic."""

import json
import re

from harness import Case, alerts_of
from subscan_peer import KEY

TOKEN = "a-token-nobody-uses"


class TwoPaths(Case):
    def both(self, flags="", extra="", http=False, sink="-", wait=True):
        """A node and a Subscan that tell the same generated traffic."""
        _, urls = self.node(block_time="200ms", wait=False)  # as Subscan does not
        subscan = self.spyhop("subscan", "--listen", "127.0.0.1:0", "--block-time", "200ms")
        subscan.wait_line(r"^listening on http://", "out")
        subscan.wait_until(lambda: len(subscan.out) > 2, "its chains")
        peers = dict(re.match(r"(\S+) at (http://\S+)", line).groups()
                     for line in subscan.out if " at http" in line)
        chains = {name: (url, f'subscan_url = "{peers[name]}"\nlegacy_poll = "300ms"')
                  for name, url in urls.items() if name in peers}
        self.assertTrue(chains, (urls, subscan.out))
        self.write("token", TOKEN + "\n")
        web = (f'[http]\nlisten = "127.0.0.1:0"\nadmin_token_file = "{self.folder}/token"\n'
               if http else "")
        config = self.config(chains, assets='["native"]', levels='notable = "100"', sink=sink,
                             extra=f'[subscan]\napi_key_env = "MADE_UP"\n'
                                   f'requests_per_second = 1000\nrequests_per_day = 50000000\n'
                                   f'[flags]\n{flags}\n{web}{extra}')
        service = self.service(config, environment={"MADE_UP": KEY})
        if wait:
            service.wait_until(lambda: alerts_of(service), "an alert")
        return service

    def ask(self, *words, codes=(0,)):
        code, out, err = self.run_spyhop(*words, "-o", "json", "-s", self.folder / "admin.sock")
        self.assertIn(code, codes, (words, out, err))
        return json.loads(out)
