"""Downloads a file several times and throws it away: a client that costs less than any server.

usage: reader.py PORT PATH SIZE COUNT [CERTIFICATE]

The kernel discards what it received (MSG_TRUNC) without copying it. Over TLS the handshake and the
request are real, but the answer's records are not decrypted: they are counted until the server
closes. Prints `bytes seconds protocol cipher`.
"""

import socket
import ssl
import sys
import time

BUFFER = bytearray(1 << 20)


def main(port, path, size, count, certificate=None):
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    request = (f"GET /{path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").encode()
    total, start, session = 0, time.monotonic(), "clear text"
    for _ in range(int(count)):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as sock:
            if context:
                session = ask_secretly(sock, context, request)
            else:
                sock.sendall(request)
            got = discard(sock)
        if got < int(size):
            sys.exit(f"{got} bytes came, less than the file's {size}")
        total += got
    print(total, time.monotonic() - start, session)


def ask_secretly(sock, context, request):
    """Shakes hands and sends the request; what was negotiated."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
    tls.write(request)
    sock.sendall(outgoing.read())
    return f"{tls.version()} {tls.cipher()[0]}"


def discard(sock):
    """Counts bytes until the other side closes."""
    total = 0
    while True:
        got = sock.recv_into(BUFFER, len(BUFFER), socket.MSG_TRUNC)
        if got == 0:
            return total
        total += got


if __name__ == "__main__":
    main(*sys.argv[1:])
