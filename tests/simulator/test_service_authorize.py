"""The authorisation page: who is sent where, and with what."""

import re
from urllib.parse import urlsplit

import pytest

from simulator.service.redirects import registered, source
from simulator.service.state import AutoConsent
from simulator.settings import LOOPBACK_REDIRECTS
from tests.simulator.driving import REDIRECT, Driver, redirected, request_to_authorize


async def test_page_says_it_is_a_simulator_and_runs_nothing(driver: Driver) -> None:
    """A person sees a warning, every listener and two buttons; no script, no inline style."""
    reply = await driver.http.get("/authorize", params=request_to_authorize())

    assert 200 == reply.status_code
    assert "This is a simulator" in reply.text
    assert 6 == reply.text.count('type="radio"')
    assert {"allow", "deny"} == set(re.findall(r'name="decision" value="(\w+)"', reply.text))
    assert "<script" not in reply.text
    assert "style=" not in reply.text


async def test_policy_names_the_place_the_form_leads_to(driver: Driver) -> None:
    """`form-action` governs the redirect behind the form as well."""
    reply = await driver.http.get("/authorize", params=request_to_authorize())
    policy = reply.headers["content-security-policy"]
    style = await driver.http.get("/authorize.css")

    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8123" in policy
    assert "text/css; charset=utf-8" == style.headers["content-type"]


def test_policy_has_no_notation_for_ipv6_literals() -> None:
    """An IPv6 address is covered by its scheme alone."""
    assert "http:" == source("http://[::1]:8000/callback")
    assert "https://app.example" == source("https://app.example/callback")


async def test_parameters_are_escaped_in_the_page(driver: Driver) -> None:
    """A state of markup comes back as text."""
    state = '"><b id=x>'

    reply = await driver.http.get("/authorize", params=request_to_authorize(state=state))

    assert "<b id=x>" not in reply.text
    assert "&quot;&gt;&lt;b id=x&gt;" in reply.text


async def test_the_form_of_the_page_connects(driver: Driver) -> None:
    """Posting the fields as the page holds them leads back with code and state."""
    page = await driver.http.get("/authorize", params=request_to_authorize(state="s-1"))
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)

    form = dict(hidden) | {"listener": "3", "decision": "allow"}
    reply = await driver.http.post("/authorize", data=form)

    assert 302 == reply.status_code
    assert reply.headers["location"].startswith(f"{REDIRECT}?")
    assert "s-1" == redirected(reply)["state"]
    assert 3 == driver.simulator.grants.all[0].listener


async def test_deny_tells_access_denied_and_state(driver: Driver) -> None:
    """Nothing is granted, and the app learns it."""
    form = request_to_authorize(state="s-2") | {"listener": "0", "decision": "deny"}
    reply = await driver.http.post("/authorize", data=form)

    assert {"error": "access_denied", "state": "s-2"} == redirected(reply)
    assert [] == driver.simulator.grants.all


async def test_state_is_left_out_when_none_was_sent(driver: Driver) -> None:
    """The service invents no state."""
    form = request_to_authorize(state=None) | {"listener": "0", "decision": "allow"}
    reply = await driver.http.post("/authorize", data=form)

    assert {"code"} == set(redirected(reply))


async def test_auto_consent_answers_by_itself(driver: Driver) -> None:
    """Switched on by control, a GET already leads back; refusing works as well."""
    driver.simulator.state.auto_consent = AutoConsent(listener=2)
    allowed = await driver.http.get("/authorize", params=request_to_authorize())
    driver.simulator.state.auto_consent = AutoConsent(listener=2, allow=False)
    denied = await driver.http.get("/authorize", params=request_to_authorize())

    assert "code" in redirected(allowed)
    assert 2 == driver.simulator.grants.all[0].listener
    assert "access_denied" == redirected(denied)["error"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"client_id": "0" * 32}, "INVALID_CLIENT: Invalid client"),
        ({"client_id": None}, "INVALID_CLIENT: Invalid client"),
        ({"redirect_uri": None}, "INVALID_CLIENT: Insecure redirect URI"),
        (
            {"redirect_uri": "http://localhost:8123/api/spotify/auth/callback"},
            "INVALID_CLIENT: Insecure redirect URI",
        ),
        ({"redirect_uri": "http://app.example/cb"}, "INVALID_CLIENT: Insecure redirect URI"),
        ({"redirect_uri": "https://app.example/cb"}, "INVALID_CLIENT: Invalid redirect URI"),
        ({"redirect_uri": f"{REDIRECT}/"}, "INVALID_CLIENT: Invalid redirect URI"),
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    driver: Driver, changed: dict[str, str | None], message: str
) -> None:
    """A wrong app or address is told to the person, on a page."""
    for reply in (
        await driver.http.get("/authorize", params=request_to_authorize(**changed)),
        await driver.http.post("/authorize", data=request_to_authorize(**changed)),
    ):
        assert 400 == reply.status_code
        assert message in reply.text
        assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": "user-library-read no-such-scope"}, "invalid_scope"),
    ],
)
async def test_other_faults_are_told_to_the_app(
    driver: Driver, changed: dict[str, str | None], error: str
) -> None:
    """The app gets the error and its state back."""
    parameters = request_to_authorize(state="s-3", **changed)
    told = redirected(await driver.http.get("/authorize", params=parameters))

    assert (error, "s-3") == (told["error"], told["state"])


@pytest.mark.parametrize(
    "decision",
    [
        {"listener": "9", "decision": "allow"},
        {"listener": "-1", "decision": "allow"},
        {"decision": "allow"},
        {"listener": "0"},
        {"listener": "0", "decision": "maybe"},
    ],
)
async def test_a_decision_that_is_none_changes_nothing(
    driver: Driver, decision: dict[str, str]
) -> None:
    """No listener, a stranger or another word: 400 and no consent."""
    reply = await driver.http.post("/authorize", data=request_to_authorize() | decision)

    assert 400 == reply.status_code
    assert [] == driver.simulator.grants.all


async def test_other_methods_are_refused(driver: Driver) -> None:
    """The page knows GET and POST."""
    assert 405 == (await driver.http.put("/authorize")).status_code


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://127.0.0.1:1/api/spotify/auth/callback", True),
        ("http://127.0.0.1/api/spotify/auth/callback", True),
        ("http://[::1]:65535/api/spotify/auth/callback", True),
        ("http://[::1]/api/spotify/auth/callback", True),
        ("https://127.0.0.1:1/api/spotify/auth/callback", False),
        ("http://127.0.0.2:1/api/spotify/auth/callback", False),
        ("http://127.0.0.1:1/other", False),
        ("http://127.0.0.1:99999/api/spotify/auth/callback", False),
        ("http://x@127.0.0.1:1/api/spotify/auth/callback", False),
        ("http://127.0.0.1:1/api/spotify/auth/callback?x=1", False),
        ("http://[::1/api/spotify/auth/callback", False),
        ("http:///api/spotify/auth/callback", False),
        ("http://sub.localhost/api/spotify/auth/callback", False),
        ("", False),
    ],
)
def test_loopback_literals_match_on_every_port(uri: str, expected: bool) -> None:
    """Exact match, except for the port of a loopback literal registered without one."""
    assert expected is registered(uri, LOOPBACK_REDIRECTS)


def test_a_registered_port_is_the_only_one() -> None:
    """The exception is for addresses registered without a port; other hosts have none."""
    known = ("http://127.0.0.1:8000/cb", "https://app.example/cb")

    assert registered("http://127.0.0.1:8000/cb", known)
    assert not registered("http://127.0.0.1:8001/cb", known)
    assert registered("https://app.example/cb", known)
    assert not registered("https://app.example:8443/cb", known)


async def test_pages_carry_no_address_of_elsewhere(driver: Driver) -> None:
    """Nothing is loaded from another host."""
    reply = await driver.http.get("/authorize", params=request_to_authorize())
    links = re.findall(r'(?:href|src|action)="([^"]+)"', reply.text)

    assert {""} == {urlsplit(link).netloc for link in links}
