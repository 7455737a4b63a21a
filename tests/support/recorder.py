"""A server on loopback, with a certificate that is trusted meanwhile, that writes down what it is asked."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from s3fs import S3FileSystem

_SIGNED = ("authorization", "x-amz-security-token", "x-amz-signature", "x-amz-credential", "awsaccesskeyid", "cookie")


@dataclass
class Recorder:
    """An attacker's server; `requests` are the lines and headers that came, `answer` is what each gets."""

    port: int
    answer: int = 403
    requests: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """How an lsid names it."""
        return f"localhost:{self.port}"

    def signed(self) -> list[str]:
        """What came with anything that is signed, or names who asks."""
        return [one for one in self.requests if any(word in one.lower() for word in _SIGNED)]


@contextmanager
def recording(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The server over https; every client of this process trusts it."""
    file = folder / "attacker.pem"
    context = tls(file)
    for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(file))
    S3FileSystem.clear_instance_cache()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(f"{self.command} {self.path}\n{self.headers}")
            body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            self.send_response(made.answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_PUT = do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads, server.block_on_close = True, False
        made = Recorder(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        try:
            yield made
        finally:
            server.shutdown()
            S3FileSystem.clear_instance_cache()


def tls(file: Path) -> ssl.SSLContext:
    """A server's context with a new certificate for loopback, which is its own authority, kept in a file."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([]), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    certificate = builder.add_extension(x509.SubjectAlternativeName(names), critical=True).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
