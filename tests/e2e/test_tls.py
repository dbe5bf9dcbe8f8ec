"""wss: a node behind TLS with a certificate authority made for the test."""

import subprocess
import unittest

from harness import CORPUS, Case, alerts_of, main, need_corpus

NAME = "bittensor-218"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Tls(Case):
    def authority(self, name="ca"):
        openssl(self.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN=Authority {name}")
        return self.folder / f"{name}.pem"

    def certificate(self, names, authority="ca"):
        """{key, cert} for these names, signed by the authority."""
        self.write("extensions", f"subjectAltName={names}\n")
        openssl(self.folder, "req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", "node.key", "-out", "node.csr",
                "-subj", "/CN=a node")
        openssl(self.folder, "x509", "-req", "-in", "node.csr", "-CA", f"{authority}.pem", "-CAkey",
                f"{authority}.key", "-CAcreateserial", "-out", "node.pem", "-days", "1", "-extfile",
                "extensions")
        return {"key": str(self.folder / "node.key"), "cert": str(self.folder / "node.pem")}

    def peer(self, tls):
        need_corpus("rpc")
        peer, url = self.script(CORPUS / "rpc" / f"{NAME}.jsonl", tls=tls)
        self.assertTrue(url.startswith("wss://"))
        return peer, url

    def refused(self, url, more, *patterns):
        config = self.config({NAME: (url, more)})
        service = self.service(config)
        line = service.wait_line(r".*Next attempt.*").group(0)
        for pattern in patterns:
            self.assertRegex(line, pattern)
        self.assertEqual(self.status()["chains"][0]["state"] == "following", False)
        self.end(service)
        self.assertEqual(service.out, [])
        code, _, err = self.run_spyhop("check", "-c", config)
        self.assertEqual(code, 78)
        for pattern in patterns:
            self.assertRegex(err, pattern)

    def test_a_certificate_of_the_named_authority_is_trusted(self):
        authority = self.authority()
        peer, url = self.peer(self.certificate("IP:127.0.0.1,DNS:localhost"))
        service = self.service(self.config({NAME: (url, f'ca_file = "{authority}"')}))
        peer.wait_line(r"^the recording is over", "out")
        service.wait_until(lambda: alerts_of(service), "an alert")
        self.end(service)
        again = self.service(self.config(
            {NAME: (url.replace("127.0.0.1", "localhost"), f'ca_file = "{authority}"')}))
        again.wait_line(r": following from block")
        self.end(again)

    def test_an_unknown_authority_is_refused(self):
        self.authority()
        _, url = self.peer(self.certificate("IP:127.0.0.1"))
        self.refused(url, "", r"(?i)certificate", r"127\.0\.0\.1")

    def test_another_authority_is_refused(self):
        self.authority()
        other = self.authority("other")
        _, url = self.peer(self.certificate("IP:127.0.0.1"))
        self.refused(url, f'ca_file = "{other}"', r"(?i)certificate")

    def test_another_host_is_refused(self):
        authority = self.authority()
        _, url = self.peer(self.certificate("DNS:node.example.org"))
        self.refused(url, f'ca_file = "{authority}"', r"(?i)certificate|host|name", r"127\.0\.0\.1")

    def test_a_ca_file_that_is_none(self):
        _, url = self.peer(self.made_by_ca())
        path = self.write("empty.pem", "no certificate\n")
        code, _, err = self.run_spyhop("check", "-c",
                                       self.config({NAME: (url, f'ca_file = "{path}"')}))
        self.assertEqual(code, 78)
        self.assertIn("empty.pem", err)

    def made_by_ca(self):
        self.authority()
        return self.certificate("IP:127.0.0.1")

    def test_plain_text_where_tls_is_expected_and_the_other_way_round(self):
        authority = self.authority()
        _, plain = self.script(CORPUS / "rpc" / f"{NAME}.jsonl")
        self.refused(plain.replace("ws://", "wss://"), f'ca_file = "{authority}"', r"TLS")
        _, secure = self.peer(self.certificate("IP:127.0.0.1"))
        self.refused(secure.replace("wss://", "ws://"), "", r"127\.0\.0\.1")


if __name__ == "__main__":
    main()
