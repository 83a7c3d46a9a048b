"""A client of PostgreSQL's protocol that can also wait, hold a transaction, and fail to log in."""

import socket
import struct


class Refused(Exception):
    """What the other side said instead of what was asked for."""


class Client:
    def __init__(self, port, user="app", database="app", application=None, password=None,
                 timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        options = {"user": user, "database": database}
        if application is not None:
            options["application_name"] = application
        body = struct.pack("!i", 196_608)
        body += b"".join(part.encode() + b"\0" for pair in options.items() for part in pair)
        body += b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.password = password
        self.until_ready()

    def send(self, text):
        """Sends a query and waits for nothing."""
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)

    def query(self, text):
        self.send(text)
        return self.until_ready()

    def until_ready(self):
        """The first column of every row, as text."""
        values = []
        while True:
            kind, body = self.message()
            if kind == b"E":
                raise Refused(body.replace(b"\0", b" ").decode("utf-8", "replace"))
            if kind == b"R" and struct.unpack("!i", body[:4])[0] == 3:
                secret = (self.password or "").encode() + b"\0"
                self.socket.sendall(b"p" + struct.pack("!i", len(secret) + 4) + secret)
            if kind == b"D":
                length = struct.unpack("!i", body[2:6])[0]
                values.append(body[6:6 + length].decode() if length >= 0 else None)
            if kind == b"Z":
                return values

    def message(self):
        header = self.exactly(5)
        return header[:1], self.exactly(struct.unpack("!i", header[1:])[0] - 4)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Refused("closed by the other side")
            data += more
        return data

    def close(self):
        self.socket.close()
