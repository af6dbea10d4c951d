"""How a mail is handed to a server: never a password in the clear."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.notices.mailbox import mail_server

from visavis.errors import Unavailable
from visavis.notices.errors import Undeliverable
from visavis.post import SmtpPost

pytestmark = pytest.mark.anyio


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = (
        "visavis@talks.example",
        "someone@mail.example",
        "هناك ما ينتظرك",
    )
    made.set_content("https://talks.example/\n")
    return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate for localhost, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + made.public_bytes(Encoding.PEM))
    return path


async def test_a_password_goes_over_tls(certificate: Path) -> None:
    """The server's certificate is checked, then the node signs in and hands the mail over."""
    offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offered.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=certificate)
    async with mail_server(tls=offered) as box:
        url = f"smtp://a%40b:secret@localhost:{box.port}"
        await SmtpPost(url, helo="talks.example", tls=trusted).send(mail())
        assert box.credentials == [(b"a@b", b"secret", True)]
        assert box.mails[0]["Subject"] == "هناك ما ينتظرك"
        for wrong in (
            SmtpPost(url, helo="talks.example", tls=ssl.create_default_context()),
            SmtpPost(url.replace("secret", "wrong"), helo="talks.example", tls=trusted),
        ):
            with pytest.raises(Unavailable) as caught:
                await wrong.send(mail())
            assert "someone" not in caught.value.message
        assert len(box.mails) == 1


async def test_no_password_goes_in_the_clear() -> None:
    """A server that offers no TLS gets neither password nor mail."""
    async with mail_server() as box:
        post = SmtpPost(
            f"smtp://a:secret@localhost:{box.port}", helo="talks.example", tls=ssl.create_default_context()
        )
        with pytest.raises(Unavailable):
            await post.send(mail())
        assert (box.credentials, box.mails) == ([], [])


@pytest.mark.parametrize(
    ("answer", "error"), [("550 no", Undeliverable), ("450 later", Unavailable), ("421 closing", Unavailable)]
)
async def test_what_a_server_says_for_good_is_told_from_what_it_says_for_now(
    answer: str, error: type[Exception]
) -> None:
    """5yz is the end of a mail, 4yz is not (RFC 5321 §4.2.1)."""
    async with mail_server(answer) as box:
        with pytest.raises(error):
            await SmtpPost(f"smtp://127.0.0.1:{box.port}", helo="talks.example").send(mail())
