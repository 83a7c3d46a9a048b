"""The fake backend, spoken to message by message.

Run: python3 -m unittest discover -s Benchmarks/tests -t Benchmarks
"""

import os
import socket
import struct
import subprocess
import time
import unittest

from harness.tools import PACKAGE
from harness.workspace import free_port

PROGRAM = os.path.join(PACKAGE, ".build", "release", "fakebackend")


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def query(text):
    return message(b"Q", text.encode() + b"\0")


STARTUP = struct.pack("!ii", 8 + 20, 196_608) + b"user\0u\0database\0d\0\0\0"
EXTENDED = (
    message(b"P", b"s\0SELECT 1\0\0\0") + message(b"B", b"\0s\0" + b"\0" * 6)
    + message(b"D", b"P\0") + message(b"E", b"\0" + b"\0" * 4) + message(b"S"))


@unittest.skipUnless(os.path.exists(PROGRAM), "fakebackend is not built")
class FakeBackendTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.process = subprocess.Popen([PROGRAM, str(cls.port)])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", cls.port)).close()
                return
            except OSError:
                time.sleep(0.01)

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait()

    def talk(self, pieces):
        """All that comes back to these pieces, as (type, body), until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
            data = b""
            while more := connection.recv(65_536):
                data += more
        messages = []
        while data:
            length = struct.unpack("!i", data[1:5])[0]
            messages.append((data[:1], data[5:length + 1]))
            data = data[length + 1:]
        return messages

    def after_login(self, *requests):
        messages = self.talk([STARTUP + b"".join(requests) + message(b"X")])
        ready = next(index for index, (kind, _) in enumerate(messages) if kind == b"Z")
        return messages[ready + 1:]

    def types(self, *requests):
        return b"".join(kind for kind, _ in self.after_login(*requests))

    def test_split_bytes_give_the_same_as_one_write(self):
        whole = STARTUP + query("BEGIN; SELECT 1") + EXTENDED + query("COMMIT") + message(b"X")
        one_by_one = [whole[index:index + 1] for index in range(len(whole))]
        self.assertEqual(self.talk(one_by_one), self.talk([whole]))

    def test_extended_query_is_answered_message_by_message(self):
        self.assertEqual(self.types(EXTENDED), b"12TDCZ")

    def test_status_follows_the_transaction(self):
        messages = self.after_login(
            query("BEGIN"), query("nonsense"), query("SELECT 1"), query("COMMIT"))
        self.assertEqual(
            [body for kind, body in messages if kind == b"Z"], [b"T", b"E", b"E", b"I"])
        self.assertEqual(messages[-2], (b"C", b"ROLLBACK\0"))

    def test_an_error_skips_to_sync(self):
        wrong = message(b"B", b"\0missing\0" + b"\0" * 6) + message(b"E", b"\0" * 5)
        self.assertEqual(self.types(wrong + message(b"S"), EXTENDED), b"EZ12TDCZ")

    def test_set_reports_what_postgres_reports(self):
        messages = self.after_login(query("SET datestyle TO 'German'; SET work_mem = '1MB'"))
        self.assertEqual(
            messages[0:3], [(b"S", b"DateStyle\0German\0"), (b"C", b"SET\0"), (b"C", b"SET\0")])

    def test_copy_brings_the_bytes_asked_for(self):
        messages = self.after_login(query("COPY bench TO STDOUT 3MB; SELECT 1"))
        self.assertEqual(sum(len(body) for kind, body in messages if kind == b"d"), 3_000_000)
        self.assertEqual(
            b"".join(kind for kind, _ in messages if kind != b"d"), b"HcCTDCZ")

    def test_an_empty_query_is_answered(self):
        self.assertEqual(self.types(query(""), query(" ; ")), b"IZIZ")


if __name__ == "__main__":
    unittest.main()
