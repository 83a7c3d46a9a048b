"""As much of PostgreSQL's protocol as it takes to send one query."""

import socket
import struct


def query_once(port, query="SELECT 1", user="bench", database="bench", timeout=10):
    """Logs in by trust, runs a query and leaves. An error of any kind is an OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        body = struct.pack("!i", 196_608)
        body += b"".join(
            text.encode() + b"\0" for text in ("user", user, "database", database, ""))
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        _until_ready(connection)
        text = query.encode() + b"\0"
        connection.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
        _until_ready(connection)
        connection.sendall(b"X\0\0\0\4")


def _until_ready(connection):
    while True:
        header = _exactly(connection, 5)
        body = _exactly(connection, struct.unpack("!i", header[1:])[0] - 4)
        if header[:1] == b"E":
            raise ConnectionError(body.replace(b"\0", b" ").decode("utf-8", "replace"))
        if header[:1] == b"Z":
            return


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("closed by the other side")
        data += more
    return data
