"""A TLS server on Python's ssl: server.py ADDRESS PORT CERTIFICATE KEY."""

import contextlib
import socket
import ssl
import sys


def main(host: str, port: str, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((host, int(port))) as listener:
        while True:
            connection, _ = listener.accept()
            connection.settimeout(10)
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).recv(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
