"""A certificate with a P-256 key, the same for every server of a run."""

import os
import ssl
import subprocess


class Certificate:
    """Self-signed, for localhost and 127.0.0.1."""

    def __init__(self, work):
        self.chain = os.path.join(work, "certificate.pem")
        self.key = os.path.join(work, "key.pem")
        self.args = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "7", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", self.key, "-out", self.chain]
        subprocess.run(self.args, check=True, capture_output=True)
        os.chmod(self.key, 0o644)

    def context(self):
        """What a client needs to trust it."""
        return ssl.create_default_context(cafile=self.chain)


def negotiated(server, *more):
    """Protocol, cipher, key exchange and signature, as openssl's client sees them."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}",
               "-servername", "localhost", "-brief", *more]
    done = subprocess.run(
        command, input="", capture_output=True, text=True, timeout=30, check=False)
    lines = dict(line.split(": ", 1) for line in done.stderr.splitlines() if ": " in line)
    wanted = ("Protocol version", "Ciphersuite", "Server Temp Key", "Signature type")
    return ", ".join(lines[key] for key in wanted if key in lines) or done.stderr.strip()
