"""From sign-up to a watched run, and from a changed workflow to the next event that uses it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, OpenPage, Person, read_curl, sign_up
from tests.support.product import Product

pytestmark = pytest.mark.browser
STREAM_ALONE = "window.setInterval = () => 0"  # nothing asks again and again: what shows without a reload is live
PERIODS = """
  window.periods = [];
  const real = window.setInterval;
  window.setInterval = (act, ms) => { window.periods.push(ms); return real(act, ms); };
"""


def test_a_visitor_signs_up_sends_an_event_and_watches_its_run(open_page: OpenPage, running_platform: Product) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script(STREAM_ALONE)
    sign_up(page, running_platform.base_url, name="Acme")
    expect(page.get_by_text("Waiting for your first event")).to_be_visible()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("#announce")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    hook_url, key = read_curl(page)
    assert hook_url in copied and key in copied

    status, answer = Person("", "", hook_url, key, None).post({"name": "Grace"})

    assert status == 202
    expect(page.get_by_text("Event received", exact=True)).to_be_visible()  # live, without a reload
    expect(page.locator("#progress .stage")).to_have_count(3)
    expect(page.locator("#progress").get_by_text("Succeeded").first).to_be_visible()
    page.get_by_role("link", name="Sample: echo every event").click()
    for step in ("shape", "echo", "tell"):
        page.locator("a.step", has_text=step).click()
        expect(page.get_by_role("region", name=f"Step {step}")).to_be_visible()
    expect(page.get_by_text("Hello, Grace! The echo answered 200.")).to_be_visible()
    expect(page.get_by_text(answer["trace_id"]).first).to_be_visible()


def test_a_published_change_is_used_by_the_next_event(open_page: OpenPage, running_platform: Product) -> None:
    page = open_page()
    sign_up(page, running_platform.base_url, name="Changing")
    sender = Person("", "", *read_curl(page), None)
    workspace = page.url.removesuffix("/start/")
    page.goto(f"{workspace}/workflows/")
    page.get_by_role("link", name="Sample: echo every event", exact=True).click()
    page.wait_for_load_state()  # a robot types before the page listens
    definition = json.loads(page.get_by_label("Definition").input_value())
    definition["steps"][2]["params"]["message"] = "Changed for {{ payload.name }}."

    page.get_by_label("Definition").fill(json.dumps({**definition, "steps": [{"id": "x"}]}, indent=2))
    expect(page.locator("#problems li").first).to_be_visible()  # checked while typing, nothing sent yet
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#problems li").first).to_be_visible()
    page.get_by_label("Definition").fill(json.dumps(definition, indent=2))
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 2 is live")).to_be_visible()

    assert sender.post({"name": "Grace"})[0] == 202
    page.goto(f"{workspace}/runs/")
    page.get_by_role("link", name="sample v2").click()
    page.locator("a.step", has_text="tell").click()
    expect(page.get_by_text("Changed for Grace.")).to_be_visible()


def test_the_address_follows_the_name_and_a_taken_one_offers_the_next(
    open_page: OpenPage, running_platform: Product, person: Person
) -> None:
    taken = person.workspace.rpartition("/")[2]
    page = open_page()
    page.goto(f"{running_platform.base_url}/signup/")

    page.get_by_label("Workspace name").press_sequentially("Sörens Läden")
    expect(page.locator("#address-state")).to_have_text("“sorens-laden” is free.")
    page.get_by_label("Address", exact=True).fill(taken)
    page.get_by_role("button", name="Use ").click()

    expect(page.locator("#address-state")).to_contain_text("is free.")
    assert page.get_by_label("Address", exact=True).input_value() != taken


def test_a_refused_request_is_shown_live_with_its_fix(open_page: OpenPage, running_platform: Product) -> None:
    page = open_page()
    sign_up(page, running_platform.base_url, name="Refused")
    sender = Person("", "", *read_curl(page), None)

    assert sender.post(b"{nonsense")[0] == 400

    expect(page.locator("#progress").get_by_text("invalid_json")).to_be_visible()
    assert sender.post({}, key="am_live_wrong")[0] == 401
    expect(page.locator("#progress").get_by_text("invalid_api_key")).to_be_visible()


def test_without_the_live_stream_the_page_says_so_and_asks_by_itself(
    open_page: OpenPage, running_platform: Product, complaints: list[str]
) -> None:
    page = open_page()
    page.add_init_script(PERIODS)
    page.route("**/live/**", lambda route: route.abort())
    sign_up(page, running_platform.base_url, name="Cut off")
    expect(page.get_by_text("Reconnecting")).to_be_visible()
    assert 3_000 in page.evaluate("periods")  # ms

    assert Person("", "", *read_curl(page), None).post({})[0] == 202

    expect(page.get_by_text("Event received", exact=True)).to_be_visible()
    page.unroute("**/live/**")
    expect(page.get_by_text("Reconnecting")).to_be_hidden()
    complaints.clear()  # the browser reports the cut connection itself


def test_why_an_event_did_not_run_names_the_failing_condition(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(f"{person.workspace}/events/?status=no_match")
    page.get_by_role("link", name="webhook.received").click()

    failing = page.locator(".cond.first")
    expect(failing).to_contain_text("first failing condition")
    expect(failing).to_contain_text("payload.skip = true")


def test_log_in_by_keyboard_alone_leads_back_to_the_page_asked_for(open_page: OpenPage, person: Person) -> None:
    page = open_page()
    page.goto(f"{person.workspace}/runs/?status=failed")
    page.wait_for_url("**/login/**")

    assert page.evaluate("document.activeElement.name") == "login"
    page.keyboard.type(person.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    page.wait_for_url(f"{person.workspace}/runs/?status=failed")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_everything_works_without_javascript(open_page: OpenPage, running_platform: Product) -> None:
    page = open_page(java_script_enabled=False)
    sign_up(page, running_platform.base_url, name="No Script")
    page.get_by_role("button", name="Send it for me").click()
    expect(page.get_by_text("Event received", exact=True)).to_be_visible()
    page.get_by_role("link", name="See what happened").click()
    expect(page.get_by_role("heading", name="Why it ran, or did not")).to_be_visible()
    page.get_by_role("link", name="Workflows").click()
    page.get_by_role("link", name="Sample: echo every event", exact=True).click()
    page.get_by_label("Definition").fill("{")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problems")).to_contain_text("Not JSON")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name", exact=True).fill("backend")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#key")).to_contain_text("am_live_")
    page.reload()
    expect(page.locator("#key")).to_have_count(0)  # shown once
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    page.goto(page.url.split("/left/")[0] + "/workspaces/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_page_left_open_takes_the_next_live_token_before_its_own_ends(
    open_page: OpenPage, running_platform: Product
) -> None:
    page = open_page()
    page.clock.install()
    page.add_init_script(STREAM_ALONE)
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/live/?" in request.url else None)
    sign_up(page, running_platform.base_url, name="Patient")
    sender = Person("", "", *read_curl(page), None)
    with page.expect_response("**/live-token/") as renewal:
        page.clock.fast_forward("04:30")  # a token lives five minutes

    assert renewal.value.ok
    expect(page.locator("#live-state")).to_be_hidden()
    assert sender.post({"name": "Grace"})[0] == 202
    expect(page.get_by_text("Event received", exact=True)).to_be_visible()
    assert len(streams) >= 2  # two tokens of one second are the same text
