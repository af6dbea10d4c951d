"""Settings of a node that are judged before anything runs. Those of timestamps are in `test_authority`."""

from __future__ import annotations

import pytest

from visavis.config import Settings
from visavis.errors import Malformed
from visavis.web.security import policy

URL, KEY = "VISAVIS_LIVEKIT_URL", "VISAVIS_LIVEKIT_KEY"
SECRET = "a secret of at least thirty-two bytes"


def test_a_deployment_for_the_calls():
    """Off by default; given by an address and a key; the secret is not shown."""
    assert Settings.from_environment({}).livekit_url is None
    read = Settings.from_environment({URL: "https://calls.example/", KEY: f"key: {SECRET}"})
    assert (read.livekit_url, read.livekit_key) == ("https://calls.example", ("key", SECRET))
    assert SECRET not in repr(read)


def test_a_deployments_key_in_a_file(tmp_path):
    """The key may stand in a file, so that no process list and no shell's history has it."""
    (tmp_path / "key").write_text(f"# ours\nkey: {SECRET}\n")
    read = Settings.from_environment({URL: "http://127.0.0.1:7880", KEY: str(tmp_path / "key")})
    assert read.livekit_key == ("key", SECRET)


@pytest.mark.parametrize(
    "said",
    [
        {URL: "https://calls.example"},
        {KEY: f"key: {SECRET}"},
        {URL: "wss://calls.example", KEY: f"key: {SECRET}"},
        {URL: "https://calls.example/rtc", KEY: f"key: {SECRET}"},
        {URL: "https://calls.example; script-src *", KEY: f"key: {SECRET}"},
        {URL: "https://calls.example", KEY: "key: short"},
        {URL: "https://calls.example", KEY: f"key: {SECRET}\nother: {SECRET}"},
    ],
)
def test_a_deployment_that_is_said_wrong(said):
    """One without the other, an address that is no origin, a secret that is too short: nothing starts."""
    with pytest.raises(Malformed) as error:
        Settings.from_environment(said)
    assert SECRET not in error.value.message


@pytest.mark.parametrize("said", ["0", "-1", "65", "two", "1.5", "²"])
def test_media_threads_said_wrong(said):
    """One by default; a number that no machine has use for is refused."""
    assert Settings.from_environment({}).media_threads == 1
    assert Settings.from_environment({"VISAVIS_MEDIA_THREADS": "4"}).media_threads == 4
    with pytest.raises(Malformed) as error:
        Settings.from_environment({"VISAVIS_MEDIA_THREADS": said})
    assert error.value.details["field"] == "media_threads"


@pytest.mark.parametrize("said", ["0", "-1", "65", "ten", "1.5", "²"])
def test_the_size_of_papers_said_wrong(said):
    """8 MiB for one and 256 for a side by default; what is no number, or more than a node should hold, is refused."""
    assert Settings.from_environment({}).paper_mib == 8
    assert Settings.from_environment({"VISAVIS_PAPERS_MIB": "1000"}).papers_mib == 1000
    with pytest.raises(Malformed) as error:
        Settings.from_environment({"VISAVIS_PAPER_MIB": said})
    assert error.value.details["field"] == "paper_mib"


def test_where_pages_may_connect():
    """To the node alone; and to the deployment, over HTTP and WebSocket, if there is one."""
    assert "connect-src 'self';" in policy(None)
    assert "connect-src 'self' https://calls.example wss://calls.example;" in policy("https://calls.example")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtps://",
        "smtp://user@mail.example",
        "smtp://mail.example/box",
        "smtp://a:b",
    ],
)
def test_what_is_no_mail_server_is_refused_without_its_words(url: str) -> None:
    """The address may have a password in it."""
    with pytest.raises(Malformed) as caught:
        Settings.from_environment({"VISAVIS_SMTP_URL": url})
    assert caught.value.details["field"] == "smtp_url"
    assert url not in caught.value.message


def test_a_mail_server_and_a_sender_are_taken_from_the_environment() -> None:
    """Its password is in no words about the settings."""
    settings = Settings.from_environment(
        {
            "VISAVIS_SMTP_URL": "smtps://user:hidden@mail.example:465",
            "VISAVIS_MAIL_FROM": "talks@mail.example",
        }
    )
    assert settings.smtp_url == "smtps://user:hidden@mail.example:465"
    assert settings.mail_from == "talks@mail.example"
    assert "hidden" not in repr(settings)
    with pytest.raises(Malformed):
        Settings.from_environment({"VISAVIS_MAIL_FROM": "Talks <talks@mail.example>"})
