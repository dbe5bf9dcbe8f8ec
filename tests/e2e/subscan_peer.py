"""A Subscan of our own, in Python, from its published description: an independent peer for the
legacy path. It serves rows it is given, keeps count of who asked what, and misbehaves when told to.
"""

import http.server
import json
import threading
import time

from harness import ss58, tokens

KEY = "made-up-key"


class Peer:
    """One chain. `rows`: {(block, event): row}; what is above `best` is not known yet."""

    def __init__(self, genesis, symbol="DOT", decimals=10, prefix=0):
        self.genesis, self.symbol, self.decimals, self.prefix = genesis, symbol, decimals, prefix
        self.lock = threading.Lock()
        self.rows, self.best, self.finalized = {}, 0, 0
        self.people, self.price = {}, "4.2"
        self.asked = []  # (path, body, seconds)
        self.faults = []  # (path part, fault) in the order they are to happen
        self.old_amounts = False  # amount_v2 is "0", as in older rows
        self.token_lists = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, block, event, source, target, raw, timestamp=1_763_626_512, **more):
        """A transfer of the chain's own token; keys are bytes, raw is in the smallest unit."""
        show = lambda key: ss58(key, self.prefix)
        row = {
            "transfer_id": block * 1000 + event, "from": show(source), "to": show(target),
            "extrinsic_index": f"{block}-2", "event_idx": event, "success": True,
            "hash": "0x" + "ab" * 32, "block_num": block, "block_timestamp": timestamp,
            "module": "balances", "amount": tokens(raw, self.decimals),
            "amount_v2": "0" if self.old_amounts else str(raw), "current_currency_amount": "1.5",
            "currency_amount": "1.5", "fee": "158000000", "nonce": 7, "asset_symbol": self.symbol,
            "asset_unique_id": self.symbol, "asset_type": "", "item_id": None, "item_detail": None,
            "from_account_display": {"address": show(source), "judgements": None, "parent": None},
            "to_account_display": {"address": show(target)}}
        with self.lock:
            self.rows[block, event] = {**row, **more}

    def count(self, part=""):
        with self.lock:
            return sum(part in path for path, _, _ in self.asked)

    # -- answers ----------------------------------------------------------------------------------

    def transfers(self, wanted):
        first, last = map(int, wanted["block_range"].split("-"))
        least = float(wanted.get("min_amount") or 0)
        chosen = [row for (block, _), row in sorted(self.rows.items())
                  if first <= block <= min(last, self.best) and float(row["amount"]) >= least]
        if wanted.get("order", "desc") == "desc":
            chosen.reverse()
        if wanted.get("after_id"):
            after = tuple(wanted["after_id"])
            place = lambda row: (row["block_num"], row["event_idx"])
            up = wanted.get("order") == "asc"
            chosen = [r for r in chosen if (place(r) > after if up else place(r) < after)]
        row, page = min(wanted.get("row", 10), 100), wanted.get("page", 0)
        # `count` is more than what comes, as it is on busy networks.
        return {"count": len(chosen) + 40, "transfers": chosen[page * row:(page + 1) * row] or None}

    def data(self, path, wanted):
        if path == "/api/scan/metadata":
            return {"blockNum": str(self.best), "finalized_blockNum": str(self.finalized),
                    "addressType": str(self.prefix), "networkNode": "made-up"}
        if path == "/api/scan/block" and wanted.get("block_num") == 0:
            return {"block_num": 0, "hash": self.genesis, "finalized": True, "extrinsics": None}
        if path in ("/api/scan/token/unique_id", "/api/scan/token") and self.token_lists:
            return {"detail": {self.symbol: {"symbol": self.symbol, "unique_id": self.symbol,
                                             "token_decimals": self.decimals, "price": "4.2"}},
                    "token": [self.symbol]}
        if path == "/api/v2/scan/transfers":
            return self.transfers(wanted)
        if path == "/api/v2/scan/search":
            return self.people.get(wanted["key"])
        if path == "/api/open/price":
            return {"price": self.price, "time": wanted["time"], "height": 1}
        return None

    def _handler(self):
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.respond({})

            def do_POST(self):
                size = int(self.headers.get("Content-Length", 0))
                self.respond(json.loads(self.rfile.read(size) or b"{}"))

            def say(self, status, body, **headers):
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def respond(self, wanted):
                with peer.lock:
                    peer.asked.append((self.path, wanted, time.monotonic()))
                    fault = None
                    for index, (part, kind) in enumerate(peer.faults):
                        if part in self.path:
                            fault = kind
                            del peer.faults[index]
                            break
                    if self.headers.get("X-API-Key") != KEY:
                        fault = ("status", 401, {"message": "no API key"})
                    data = peer.data(self.path, wanted)
                limit = {"ratelimit_limit": "5", "ratelimit_remaining": "4", "ratelimit_reset": "1"}
                if fault == "reset":
                    self.close_connection = True
                    return self.connection.close()
                if fault == "limited":
                    return self.say(429, {"message": "API rate limit exceeded"}, retry_after="1",
                                    ratelimit_remaining="0")
                if fault == "limited_in_200":
                    return self.say(200, {"message": "API rate limit exceeded"})
                if fault == "error_in_200":
                    return self.say(200, {"code": 500, "message": "context deadline exceeded",
                                          "generated_at": 1, "data": None})
                if fault == "garbage":
                    return self.say(200, b"<html>maintenance</html>")
                if isinstance(fault, tuple):
                    return self.say(fault[1], fault[2])
                if data is None:
                    return self.say(200, {"code": 10004, "message": "Record Not Found",
                                          "generated_at": 1, "data": None}, **limit)
                if fault == "twice":  # rows moved while the page was read
                    data = dict(data, transfers=[r for r in data["transfers"] or [] for _ in "12"])
                self.say(200, {"code": 0, "message": "Success", "generated_at": 1, "data": data},
                         **limit)
        return Handler
