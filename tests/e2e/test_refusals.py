"""What is refused: with which exit code, and in which words."""

import ctypes
import errno
import os
import socket
import struct
import unittest

from harness import Case, main

NOBODY = "ws://127.0.0.1:1"  # nothing listens on port 1


class Configuration(Case):
    def refused(self, text, *patterns, command=("run",)):
        path = self.write("bad.toml", text)
        code, out, err = self.run_spyhop(*command, "-c", path)
        self.assertEqual((code, out), (78, ""), err)
        for pattern in patterns:
            self.assertRegex(err, pattern)
        return err

    def good(self, extra="", follow="best"):
        return self.config({"polkadot": NOBODY}, follow=follow, extra=extra).read_text()

    def test_an_unknown_key_is_named_with_its_place_and_what_was_meant(self):
        text = self.good().replace("follow =", "folow =")
        line = text.split("folow")[0].count("\n") + 1
        for command in (("run",), ("check", "--no-network")):
            self.refused(text, rf"bad\.toml:{line}:1: unknown key `folow`.*did you mean `follow`\?",
                         command=command)

    def test_an_unknown_table(self):
        self.refused(self.good("[sevice]\n"), r"bad\.toml:\d+:\d+: unknown key `sevice`")

    def test_every_problem_is_told_at_once(self):
        text = self.good().replace("follow =", "folow =").replace('notable = "0"', "notable = 5")
        err = self.refused(text, "folow", "notable")
        places = [int(line.split(":")[1]) for line in err.splitlines() if "bad.toml:" in line]
        self.assertEqual(places, sorted(places))

    def test_a_wrong_address_checksum(self):
        address = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"  # Alice, Polkadot
        self.assertEqual(self.run_spyhop(
            "check", "--no-network", "-c",
            self.config({"polkadot": NOBODY},
                        extra=f'[[watch]]\naddress = "{address}"\n'))[0], 0)
        wrong = address[:-1] + "6"
        self.refused(self.good(f'[[watch]]\naddress = "{wrong}"\n'),
                     rf"bad\.toml:\d+:\d+: .*{wrong}", r"checksum")

    def test_text_that_is_no_toml(self):
        self.refused("[service\nx = 1\n", r"bad\.toml:1:\d+: ")

    def test_a_file_that_is_not_there(self):
        code, _, err = self.run_spyhop("run", "-c", self.folder / "absent.toml")
        self.assertEqual(code, 78)
        self.assertIn("absent.toml", err)

    def test_a_url_with_a_password(self):
        text = self.good().replace(NOBODY, "wss://user:secret-word@example.org")
        err = self.refused(text, r"bad\.toml:\d+:\d+: ")
        self.assertNotIn("secret-word", err)

    def test_a_state_dir_that_cannot_be_written(self):
        self.write("file", "")
        text = self.good().replace(f"{self.folder}/state", f"{self.folder}/file/state")
        line = text.split("state_dir")[0].count("\n") + 1
        for command in (("run",), ("check", "--no-network")):
            self.refused(text, rf"bad\.toml:{line}:\d+: .*state_dir.*file/state", command=command)

    def test_a_sink_that_cannot_be_written(self):
        self.write("file", "")
        text = self.good().replace('path = "-"', f'path = "{self.folder}/file/alerts.ndjson"')
        self.refused(text, r"bad\.toml:\d+:\d+: .*sink")

    def test_check_says_which_node_cannot_be_reached(self):
        err = self.refused(self.good(), r"bad\.toml:\d+:\d+: .*polkadot.*127\.0\.0\.1:1.*refused",
                           command=("check", "--timeout", "30s"))
        self.assertNotIn("warning", err)

    def test_check_reaches_a_node(self):
        _, urls = self.node()
        code, out, err = self.run_spyhop("check", "-c", self.config(urls))
        self.assertEqual(code, 0, err)
        self.assertIn("good", out)


class CommandLine(Case):
    def refused(self, *arguments, pattern):
        code, out, err = self.run_spyhop(*arguments)
        self.assertEqual((code, out), (2, ""), err)
        self.assertRegex(err, pattern)
        self.assertEqual(len(err.splitlines()), 1, err)

    def test_an_unknown_command(self):
        self.refused("statsu", pattern=r"statsu.*did you mean status\?")

    def test_an_unknown_option(self):
        self.refused("demo", "--copus", "x", pattern=r"--copus.*did you mean --corpus\?")

    def test_a_missing_option(self):
        self.refused("run", pattern=r"--config")

    def test_no_command(self):
        self.refused(pattern=r"--help")

    def test_a_wrong_duration(self):
        self.refused("demo", "--block-time", "soon", pattern=r"soon")

    def test_help_and_version_are_no_errors(self):
        for option, word in (("--help", "topology"), ("--version", "spyhop 0.")):
            code, out, err = self.run_spyhop(option)
            self.assertEqual((code, err), (0, ""))
            self.assertIn(word, out)

    def test_a_service_that_is_not_there(self):
        for command in ("status", "metrics", "shutdown"):
            code, out, err = self.run_spyhop(command, "-s", self.folder / "none.sock")
            self.assertEqual((code, out), (3, ""))
            self.assertIn("none.sock", err)

    def test_a_socket_that_nobody_answers(self):
        path = self.folder / "silent.sock"
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(path))
            silent.listen(1)
            code, _, err = self.run_spyhop("status", "-s", path, "--timeout", "200ms")
        self.assertEqual(code, 5, err)


def forbid_io_uring():
    """A seccomp filter for this process: io_uring_setup gives EPERM, as container runtimes do."""
    io_uring_setup = 425  # on every architecture
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EPERM
    program = b"".join(struct.pack("HBBI", *row) for row in (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, io_uring_setup),
        (0x06, 0, 0, refuse),
        (0x06, 0, 0, allow),
    ))
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privs, set_seccomp, filter_mode = 38, 22, 2
    filtered = Program(4, ctypes.addressof(buffer))
    if libc.prctl(set_no_new_privs, 1, 0, 0, 0) != 0 or \
            libc.prctl(set_seccomp, filter_mode, ctypes.byref(filtered), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Environment(Case):
    def test_a_port_that_is_in_use(self):
        node, urls = self.node()
        address = urls["polkadot"].split("/")[2]
        code, _, err = self.run_spyhop("node", "--listen", address)
        self.assertEqual(code, 1)
        self.assertIn(address, err)
        self.assertIn("in use", err)
        self.assertTrue(node.alive())

    def test_io_uring_forbidden(self):
        for arguments in (("run", "-c", self.config({"polkadot": NOBODY})), ("demo",),
                          ("node", "--listen", "127.0.0.1:0")):
            with self.subTest(command=arguments[0]):
                process = self.spyhop(*arguments, before=forbid_io_uring)
                self.assertEqual(process.wait(), 1, process.story())
                said = "\n".join(process.err)
                self.assertIn("seccomp", said)
                self.assertIn("kernel.io_uring_disabled", said)

    def test_a_second_service_on_the_same_socket(self):
        config = self.config({"polkadot": NOBODY})
        first = self.service(config)
        code, _, err = self.run_spyhop("run", "-c", config)
        self.assertEqual(code, 1)
        self.assertIn("alerts.db: another service has it open", err)
        self.assertEqual(self.status()["ok"], True)  # the first one is untouched
        self.end(first)

    def test_a_socket_left_behind_is_taken_over(self):
        config = self.config({"polkadot": NOBODY})
        crashed = self.service(config)
        crashed.kill()
        self.assertTrue(os.path.exists(self.folder / "admin.sock"))
        second = self.service(config)
        self.assertEqual(self.status()["ok"], True)
        self.end(second)


if __name__ == "__main__":
    main()
