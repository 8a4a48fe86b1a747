"""The page in a browser, beside a double of the daemon: what is seen is what the API says."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from .answers import announcement, answers, network, peer, standing, swarm
from .conftest import Open, Visit
from .double import TOKEN, Double

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOTHING = "\N{EN DASH}"
SCHEMES = ("light", "dark")
WIDTHS = (360, 412, 768, 1024, 1280, 1920, 2560)


def expect(one: Any) -> Any:
    """Playwright's, which waits until what is expected is so. Imported late: it need not be installed."""
    from playwright.async_api import expect as expect_  # noqa: PLC0415

    return expect_(one)


async def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = await page.locator(selector).all_inner_texts()
    return found


async def shown(visit: Open, double: Double, **options: Any) -> Visit:
    """The page, once it shows everything and follows events."""
    one = await visit(double.url, **options)
    await expect(one.page.locator("#figure-peers")).not_to_have_text(NOTHING)
    await expect(one.page.locator("#figure-traffic")).not_to_have_text(NOTHING)
    if double.answers["/v1/networks/mainline/contacts"]["contacts"]:
        await expect(one.page.locator("#routing summary")).to_be_visible()
    await asyncio.wait_for(double.listening.wait(), 20)
    return one


async def test_what_is_seen_is_what_the_api_says(visit: Open, double: Double) -> None:
    said = answers()
    double.answers = said
    page = (await shown(visit, double)).page
    for swarm_, item in zip(
        said["/v1/swarms"]["swarms"], await page.locator("#swarms .swarm").all(), strict=True
    ):
        assert await item.locator("h3").inner_text() == swarm_["swarm"]
        number = len(swarm_["peers"])
        assert await item.locator(".number").inner_text() == f"{number} peer" + "s" * (number != 1)
        hosts = [f"[{one['host']}]" if ":" in one["host"] else one["host"] for one in swarm_["peers"]]
        ports = [one["port"] for one in swarm_["peers"]]
        endpoints = [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
        assert await item.locator(".peers code").all_inner_texts() == endpoints
        assert [one["data"] for one in swarm_["peers"] if one["data"]] == await item.locator(
            ".data:visible"
        ).all_inner_texts()
    networks = said["/v1/status"]["networks"]
    assert await texts(page, "#networks h3") == [one["name"] for one in networks]
    assert await texts(page, "#networks .head .dot") == ["In touch", "In touch", "Getting in touch"]
    rows = await texts(page, "#networks .facts > div")
    for one in networks:
        assert f"Contacts {one['contacts']}" in [re.sub(r"\s+", " ", row) for row in rows]
    assert await texts(page, "#announcements h3") == ["my-app/v1/lobby", "chess/openings"]
    places = await texts(page, "#announcements .head p")
    assert places == ["port 6882 of this machine", "203.0.113.9:6883"]
    standings = " ".join(await texts(page, "#announcements .rows"))
    for words in ("stored on 8 nodes", "expires in 27 min", "again in 23 min", "Lapses in 41 s"):
        assert words in standings
    assert await page.locator("#figure-peers").inner_text() == "14"
    assert await page.locator("#figure-contacts").inner_text() == "167"
    assert await page.locator("#figure-reachability").inner_text() == "Behind a NAT"
    assert "26 h 3 min" in await page.locator("#daemon").inner_text()


async def test_problems_are_told_with_what_to_do(visit: Open, double: Double) -> None:
    said = answers()
    double.answers = said
    page = (await shown(visit, double)).page
    (problem,) = said["/v1/status"]["problems"]
    region = page.get_by_role("region", name="What is wrong")
    assert problem["message"] in await region.text_content()
    assert f"What to do: {problem['hint']}" in await region.text_content()
    await expect(page.get_by_role("status").first).to_have_text("1 problem")
    assert await page.title() == "1 problem · Bitboot"
    said["/v1/status"]["problems"] = []
    await expect(page.get_by_role("status").first).to_have_text("All is well")
    await expect(region).to_have_count(0)
    assert await page.title() == "Bitboot"


async def test_an_hour_is_drawn_and_told_in_both_units(visit: Open, double: Double) -> None:
    said = answers()
    double.answers = said
    page = (await shown(visit, double)).page
    assert await page.locator("#traffic .minute").count() == 60
    rows = page.locator("#traffic tbody tr")
    newest = said["/v1/traffic"]["minutes"][-1]["networks"]
    await page.get_by_text("The last hour as a table").click()
    sent = sum(one["sent_bytes"] for one in newest)
    assert await rows.nth(0).locator("td").nth(0).inner_text() == f"{round(sent / 1000, 1)} kB".replace(
        ".0 ", " "
    )
    await page.get_by_label("Datagrams").check()
    for place, name in enumerate(("sent", "received")):
        number = str(sum(one[name] for one in newest))
        await expect(rows.nth(0).locator("td").nth(place)).to_have_text(number)
    # A bar is as high as its number: the busiest minute has the highest.
    heights = await page.locator("#traffic rect.received").evaluate_all(
        "(all) => all.map((one) => one.height.baseVal.value)"
    )
    received = [sum(one["received"] for one in m["networks"]) for m in said["/v1/traffic"]["minutes"]]
    shares = [height / number for height, number in zip(heights, received, strict=True)]
    assert max(shares) == pytest.approx(min(shares), rel=1e-6)


async def test_the_routing_table_is_drawn_at_distance_and_round_trip(visit: Open, double: Double) -> None:
    said = answers()
    contacts = said["/v1/networks/mainline/contacts"]["contacts"]
    double.answers = said
    page = (await shown(visit, double)).page
    dots = page.locator("#routing circle.contact")
    await expect(dots).to_have_count(len(contacts))
    seen = await dots.evaluate_all(
        "(all) => all.map((one) => [one.textContent, one.cx.baseVal.value, one.cy.baseVal.value])"
    )
    places = {words.split(",")[0]: (x, y) for words, x, y in seen}
    placed = [(one, *places[f"{one['host']}:{one['port']}"]) for one in contacts]
    for one, x, y in placed:
        for other, x2, y2 in placed:
            if one["distance"] >= other["distance"] + 2:  # the nearer one is further right
                assert x < x2
            if (one["round_trip"] or 0) > (other["round_trip"] or 0):  # the slower one is higher up
                assert y < y2
    assert await page.locator("#routing circle.silent").count() == sum(one["silent"] for one in contacts)
    rows = await page.locator("#routing tbody tr").all_text_contents()
    nearest = min(one["distance"] for one in contacts)
    assert len(rows) == len(contacts)
    assert f"{nearest} bits" in rows[0]
    await page.get_by_role("combobox", name="Network").select_option("lan")
    await expect(page.locator("#routing-words")).to_contain_text("No contacts")
    await expect(dots).to_have_count(0)


async def test_peers_come_and_go_as_the_events_say(visit: Open, double: Double) -> None:
    said = answers()
    lobby = said["/v1/swarms"]["swarms"][0]
    double.answers = said
    page = (await shown(visit, double, clock=True)).page
    new, gone = peer(60), lobby["peers"].pop(0)
    lobby["peers"].append(new)
    double.tell("peer-joined", {"swarm": lobby["swarm"], **new})
    double.tell("peer-left", {"swarm": lobby["swarm"], **gone})
    log = page.locator("#activity li")
    await expect(log).to_have_count(2)
    await expect(log.nth(1)).to_contain_text("203.0.113.60:6941 joined my-app/v1/lobby")
    await expect(log.nth(0)).to_contain_text("203.0.113.1:6882 left my-app/v1/lobby")
    await page.clock.fast_forward(3_500)
    spoken = page.locator("#spoken")
    await expect(spoken).to_have_text(
        "203.0.113.60:6941 joined my-app/v1/lobby. 203.0.113.1:6882 left my-app/v1/lobby"
    )
    assert await spoken.get_attribute("aria-live") == "polite"
    peers = page.locator("#swarms .swarm").nth(0).locator(".peers li")
    await expect(peers.filter(has_text="203.0.113.60:6941")).to_have_class("fresh")
    await expect(peers.filter(has_text="203.0.113.1:6882")).to_have_count(0)
    # A crowd is not read out one by one.
    for number in range(61, 71):
        double.tell("peer-joined", {"swarm": lobby["swarm"], **peer(number)})
    await expect(log).to_have_count(12)
    await page.clock.fast_forward(3_500)
    await expect(spoken).to_have_text("10 peers came or went")


async def test_who_was_there_before_has_not_just_come(visit: Open, double: Double) -> None:
    page = (await shown(visit, double)).page
    double.tell("peer-left", {"swarm": "my-app/v1/lobby", **peer(1)})
    await expect(page.locator("#activity li")).to_have_text(
        re.compile("203.0.113.1:6882 left my-app/v1/lobby")
    )
    double.tell("reset", {})
    double.tell("peer-joined", {"swarm": "my-app/v1/lobby", **peer(2)})
    double.tell("present", {"peers": 1})
    double.tell("peer-joined", {"swarm": "my-app/v1/lobby", **peer(3)})
    await expect(page.locator("#activity li")).to_have_count(2)
    await expect(page.locator("#activity li").first).to_contain_text("203.0.113.3:6884 joined")


async def test_a_swarm_that_cannot_be_looked_up_is_a_problem(visit: Open, double: Double) -> None:
    double.answers["/v1/status"]["problems"] = []
    page = (await shown(visit, double)).page
    error = {"error": "BackendTimeout", "message": "nobody answered", "hint": "check that UDP gets out"}
    told = {"swarm": "my-app/v1/lobby", "failures": {"mainline": error}}
    double.tell("failing", told)
    region = page.get_by_role("region", name="What is wrong")
    await expect(region).to_contain_text(
        "my-app/v1/lobby could not be looked up on mainline: nobody answered"
    )
    await expect(region).to_contain_text("What to do: check that UDP gets out")
    double.tell("failing", {**told, "failures": {}})
    await expect(page.get_by_role("status").first).to_have_text("All is well")


async def test_lists_follow_the_order_of_the_api_and_keep_their_elements(visit: Open, double: Double) -> None:
    page = (await shown(visit, double, clock=True)).page
    swarms = double.answers["/v1/swarms"]["swarms"]
    names = page.locator("#swarms h3")
    await names.evaluate_all("(all) => all.forEach((one) => { one.former = true })")
    first, second, third = list(swarms)
    for now in ([first, second, third], [third, first], [swarm("new", []), first, third], [second, first]):
        swarms[:] = now
        asked = double.asked.count("/v1/swarms")
        while double.asked.count("/v1/swarms") < asked + 2:  # the first may have been answered before
            await page.clock.fast_forward(2_500)
        await expect(names).to_have_text([one["swarm"] for one in now])
    former = await names.evaluate_all("(all) => all.map((one) => one.former === true)")
    assert former == [False, True]  # the second was away, the first never was


async def test_a_stream_that_ends_is_taken_up_again_where_it_was(visit: Open, double: Double) -> None:
    page = (await shown(visit, double, clock=True)).page
    double.tell("peer-joined", {"swarm": "a", **peer(1)})
    await expect(page.locator("#activity li")).to_have_count(1)
    double.cut()
    for _ in range(1000):
        if len(double.last_ids) == 2:
            break
        await page.clock.fast_forward(1_000)
    assert double.last_ids == [None, "1"]


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "\u202egnp.exe\u202c\x1b[31m\x07\u200b",
    "javascript:alert(1)",
    "W" * 5_000,
    '"><svg onload=alert(1)>',
    "__proto__",
)


def hostile(words: str) -> dict[str, Any]:
    """Everything that a client or a stranger words, so worded."""
    said = answers()
    error = {"error": words, "message": words, "hint": words}
    told = peer(1, data=words, member=words)
    said["/v1/status"]["problems"] = [{"message": words, "hint": words}]
    said["/v1/status"]["networks"].append(network("hostile", state=words, listen=words, error=error))
    said["/v1/swarms"]["swarms"] = [swarm(words, [told, peer(2, words), {**peer(3), "host": words}])]
    bad = standing("mainline", stored_on=0, error=error)
    said["/v1/announcements"]["announcements"] = [announcement(1, words, bad, host=words)]
    for contact in said["/v1/networks/mainline/contacts"]["contacts"]:
        contact["host"] = words
    del said["/v1/networks/mainline/contacts"]["contacts"][1:]
    return said


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
async def test_what_strangers_say_stays_text(visit: Open, double: Double, words: str) -> None:
    double.answers = hostile(words)
    one = await shown(visit, double, width=360)
    page = one.page
    double.tell("peer-joined", {"swarm": words, **peer(4), "host": words})
    await expect(page.locator("#activity li")).to_have_count(1)
    await expect(page.locator("#routing circle.contact")).to_have_count(1)
    body = await page.locator("body").text_content() or ""
    assert await page.locator("main :is(script, img, iframe, object, a)").count() == 0
    assert await page.locator("main svg").count() == 2
    seen = await page.locator("#swarms h3").inner_text()
    assert seen == await page.locator("#announcements h3").inner_text()
    if len(words) > 200:
        assert seen == words[:200] + "…"
    elif words.isprintable():
        assert seen == words
    else:
        assert seen == "\\u202egnp.exe\\u202c\\u001b[31m\\u0007\\u200b"
        assert not set("\u202e\u202c\x1b\x07\u200b") & set(body)
    assert await one.overflow() <= 0


async def test_a_great_swarm_is_cut_short_and_says_so(visit: Open, double: Double) -> None:
    said = answers()
    many = [{**peer(1), "port": 1000 + number} for number in range(3_000)]
    said["/v1/swarms"]["swarms"] = [swarm("crowd", many)]
    double.answers = said
    page = (await shown(visit, double)).page
    await expect(page.locator(".peers li")).to_have_count(60)
    await expect(page.locator(".swarm")).to_contain_text("and 2,940 more")
    await expect(page.locator(".number")).to_have_text("3,000 peers")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_it_fits_from_phones_to_wide_screens(visit: Open, double: Double, scheme: Any) -> None:
    one = await shown(visit, double, color_scheme=scheme)
    for details in await one.page.locator("summary").all():
        await details.click()
    for width in WIDTHS:
        await one.page.set_viewport_size({"width": width, "height": 900})
        for drawing in await one.page.locator(".drawing").all():
            place = await drawing.evaluate("(one) => one.clientWidth")
            image = drawing.locator("svg")
            await expect(image).to_have_attribute("width", str(place))
        assert await one.overflow() <= 0, width
    colours = await one.page.evaluate(
        "[document.body, document.querySelector('.card')].map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert all((max(map(int, re.findall(r"\d+", one))) < 64) == (scheme == "dark") for one in colours)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1280])
async def test_axe_finds_nothing_amiss(visit: Open, double: Double, scheme: Any, width: int) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.async_playwright", reason="axe was NOT RUN: not installed"
    )
    page = (await shown(visit, double, color_scheme=scheme, width=width, bypass_csp=True)).page
    double.tell("peer-joined", {"swarm": "a", **peer(1)})
    await expect(page.locator("#activity li")).to_have_count(1)
    for details in await page.locator("summary").all():
        await details.click()
    found = await axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 25


async def test_the_policy_stops_what_is_inline_and_what_could_become_markup(
    visit: Open, double: Double
) -> None:
    one = await shown(visit, double)
    one.expected = ("Content Security Policy", "TrustedHTML", "Trusted Type")
    response = await one.page.request.get(double.url)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    came = await one.page.evaluate(
        "() => { try { document.body.innerHTML = '<p>'; return '' } catch (error) { return error.name } }"
    )
    assert came == "TypeError"
    await one.page.evaluate(
        """() => {
          const style = document.createElement("style");
          style.textContent = "body { color: rgb(1, 2, 3) }";
          document.head.append(style);
        }"""
    )
    colour = await one.page.evaluate("getComputedStyle(document.body).color")
    assert colour != "rgb(1, 2, 3)"
    assert any("Content Security Policy" in complaint for complaint in one.complaints)


async def test_landmarks_and_headings_lead_through_it(visit: Open, double: Double) -> None:
    page = (await shown(visit, double)).page
    for role in ("banner", "main", "contentinfo"):
        await expect(page.get_by_role(role)).to_have_count(1)
    headings = ["Swarms", "Networks", "Last hour", "Routing table", "Announcements", "Who came and went"]
    for name in headings:
        await expect(page.get_by_role("region", name=name, exact=True)).to_have_count(1)
        await expect(page.get_by_role("heading", name=name, level=2, exact=True)).to_have_count(1)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Bitboot")
    await expect(page.get_by_role("heading", name="my-app/v1/lobby", level=3)).to_have_count(2)
    await expect(page.get_by_role("list", name="Peers of my-app/v1/lobby")).to_have_count(1)
    pictures = [await one.get_attribute("aria-label") for one in await page.locator("main svg").all()]
    assert pictures[0].startswith("Last hour, by the minute: 627 kB sent")
    assert pictures[1].startswith("Routing table: 52 contacts, half of them answer within")


async def test_the_keyboard_reaches_everything_and_keeps_its_place(visit: Open, double: Double) -> None:
    said = answers()
    double.answers = said
    page = (await shown(visit, double, clock=True)).page
    keyboard = page.keyboard
    await keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the swarms")).to_be_focused()
    await expect(page.get_by_text("Skip to the swarms")).to_be_in_viewport()
    await keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await keyboard.press("Tab")
    await expect(page.get_by_label("Bytes")).to_be_focused()
    await keyboard.press("ArrowRight")
    await expect(page.get_by_label("Datagrams")).to_be_checked()
    await expect(page.locator("#traffic-sum")).not_to_contain_text("B")
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(page.locator("#traffic details")).to_have_attribute("open", "")
    await keyboard.press("Tab")
    await expect(page.get_by_role("combobox", name="Network")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    summary = page.locator("#routing summary")
    await expect(summary).to_be_focused()
    # What comes in meanwhile takes neither the focus nor what is open.
    said["/v1/status"]["uptime"] += 86_400
    said["/v1/swarms"]["swarms"].insert(0, swarm("new", [peer(70)]))
    await page.clock.fast_forward(11_000)
    await expect(page.locator("#swarms h3").first).to_have_text("new")
    await expect(summary).to_be_focused()
    await expect(page.locator("#routing details")).to_have_attribute("open", "")
    await keyboard.press("Shift+Tab")
    await expect(page.get_by_role("combobox", name="Network")).to_be_focused()


async def test_who_wants_less_motion_gets_none(visit: Open, double: Double) -> None:
    moving = """[...document.querySelectorAll("*")].some((one) =>
        getComputedStyle(one).transitionDuration.split(", ").some((length) => parseFloat(length) > 0))"""
    still = await shown(visit, double, reduced_motion="reduce")
    assert not await still.page.evaluate(moving)
    lively = await shown(visit, double, reduced_motion="no-preference")
    assert await lively.page.evaluate(moving)


async def test_the_token_comes_in_the_fragment_and_leaves_the_address(visit: Open, double: Double) -> None:
    double.token = TOKEN
    one = await shown(visit, double, fragment=f"#token={TOKEN}")
    assert one.page.url == double.url
    assert not any(TOKEN in url for url in one.requests)
    await one.page.reload()
    await expect(one.page.locator("#figure-peers")).to_have_text("14")
    await expect(one.page.locator("#sign-in")).to_be_hidden()


async def test_without_a_token_the_page_asks_for_it(visit: Open, double: Double) -> None:
    double.token = TOKEN
    one = await visit(double.url)
    one.expected = ("401",)
    page = one.page
    await expect(page.get_by_role("heading", name="This daemon wants its token")).to_be_visible()
    await expect(page.get_by_role("main")).to_have_count(0)
    await expect(page.get_by_role("status").first).to_have_text("Signed out")
    field = page.get_by_label("Token")
    await field.fill("wrong")
    await field.press("Enter")
    await expect(field).to_have_value("")
    await expect(field).to_be_visible()
    await field.fill(TOKEN)
    await field.press("Enter")
    await expect(page.locator("#figure-peers")).to_have_text("14")
    await expect(page.get_by_role("main")).to_be_focused()
    await expect(field).to_be_hidden()


async def test_a_daemon_that_fails_is_quoted_and_what_was_known_stays(visit: Open, double: Double) -> None:
    one = await shown(visit, double, clock=True)
    one.expected = ("500",)
    page = one.page
    double.failing = 500
    await page.clock.fast_forward(2_500)
    region = page.get_by_role("region", name="What is wrong")
    await expect(region).to_contain_text("the daemon is <b>broken</b>")
    await expect(region).to_contain_text("What to do: mend it")
    await expect(page.get_by_role("status").first).to_have_text("No answer")
    await expect(page.locator(".swarm")).to_have_count(3)
    double.failing = None
    while await page.get_by_role("status").first.inner_text() != "1 problem":
        await page.clock.fast_forward(1_000)


async def test_a_daemon_that_is_gone_is_not_a_daemon_without_peers(visit: Open, double: Double) -> None:
    one = await shown(visit, double, clock=True)
    one.expected = ("ERR_", "Failed to load resource")
    await double.aclose()
    await one.page.clock.fast_forward(2_500)
    await expect(one.page.get_by_role("status").first).to_have_text("No answer")
    region = one.page.get_by_role("region", name="What is wrong")
    await expect(region).to_contain_text("no answer. What is shown is older")
    await expect(region).to_contain_text("bitboot serve --status")
    await expect(one.page.locator("#figure-peers")).to_have_text("14")


async def test_a_daemon_with_nothing_to_do_says_so(visit: Open, double: Double) -> None:
    said = answers()
    said["/v1/status"].update(networks=[], problems=[], clients=0)
    said["/v1/swarms"]["swarms"] = said["/v1/announcements"]["announcements"] = said["/v1/traffic"][
        "minutes"
    ] = []
    double.answers = said
    one = await visit(double.url)
    for words in (
        "No program watches or announces a swarm now.",
        "No network is in use.",
        "No program announces a peer now.",
        "Nobody since this page was opened.",
        "Nothing yet: it is counted by the minute",
        "Not known yet",
    ):
        await expect(one.page.get_by_text(words)).to_be_visible()
    await expect(one.page.get_by_role("status").first).to_have_text("All is well")
