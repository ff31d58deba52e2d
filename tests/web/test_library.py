"""The library and its articles on the pages: found, narrowed, paged, and read by whom they may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kb import gate
from kb.actions import catalogue, holding
from kb.actions.work import Actor
from tests import stories
from tests.web.visits import browser, everybody, says

pytestmark = pytest.mark.django_db

BODY = """## For everybody

It comes on Monday.

## Say only this {audience=agent}

Ask for the order number.
"""


@pytest.fixture
def team():
    return everybody()


def listed(client, **narrowed):
    """The titles on a page of the library."""
    shelf = client.get(reverse("library"), narrowed).context["shelf"]
    return [one.line.title for one in shelf.lines]


def queries(client, address: str, data: dict[str, str] | None = None) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address, data).status_code == 200
    return len(caught)


def hold(team, kind: str, target: str) -> None:
    holding.place_hold(
        actor=Actor.of(team["editor"]), kind=kind, target=target, reason="may be wrong"
    )


def test_each_article_stands_by_what_governs_of_it(team):
    first = stories.published(team, title="Parcels, old")
    stories.approve(stories.successor(team, first, title="Parcels"), team["approver"])
    stories.successor(team, first, title="Parcels, next")
    stories.draft(team["editor"], title="Unwritten")
    client = browser(team["editor"])
    assert listed(client) == ["Parcels", "Unwritten"]
    assert listed(client, state="in_review") == ["Parcels, next"]
    assert listed(client, state="draft") == ["Unwritten"]
    assert listed(client, state="superseded") == ["Parcels, old"]
    assert "2 articles, by address" in says(client.get(reverse("library")))


def test_the_library_is_narrowed_by_what_is_known_of_a_version(team):
    stories.published(team, title="A policy", kind="policy", journey="Returns")
    stories.published(team, title="B secret", audience="internal", journey="Returns")
    client = browser(team["auditor"])
    assert listed(client, kind="policy") == ["A policy"]
    assert listed(client, audience="internal") == ["B secret"]
    assert listed(client, journey="Returns", owner=stories.GROUP) == ["A policy", "B secret"]
    assert listed(client, kind="nonsense", state="'; DROP TABLE") == ["A policy", "B secret"]


def test_states_that_keep_a_text_back_can_be_looked_for(team, clock):
    held = stories.published(team, title="A held")
    stories.published(team, title="B overdue", review_every_days=5)
    hold(team, "article", held.article.slug)
    clock.forward(timedelta(days=40))
    client = browser(team["editor"])
    assert listed(client, state="on_hold") == ["A held"]
    assert listed(client, state="review_overdue") == ["B overdue"]
    page = says(client.get(reverse("library")))
    assert "On hold" in page
    assert "Review overdue" in page


def test_words_find_drafts_for_editors_and_mark_what_was_found(team):
    stories.draft(team["editor"], title="Zebra crossing", body="About the okapi & others.")
    client = browser(team["editor"])
    answer = client.get(reverse("library"), {"q": "okapi"})
    assert [one.line.title for one in answer.context["shelf"].lines] == ["Zebra crossing"]
    assert "<mark>okapi</mark> &amp; others" in answer.content.decode()
    assert "Nothing matches" in says(client.get(reverse("library"), {"q": "unheardof"}))


def test_what_was_found_reads_as_text_and_not_as_markdown(team):
    body = (
        "# Okapis\n\n| Where | What |\n|---|---|\n| **Zoo** | An okapi is kept for "
        "{{ fact okapi.stay }}, see [the rules](/a/rules) |\n\n## Agents {audience=agent}\n\nx"
    )
    stories.draft(team["editor"], title="Zebra crossing", body=body)
    page = browser(team["editor"]).get(reverse("library"), {"q": "okapi"})
    for sign in ("#", "|", "**", "{", "](", "audience="):
        assert sign not in says(page).split("Zebra crossing")[1], sign
    assert "<code><mark>okapi</mark>.stay</code>, see the rules" in page.content.decode()


def test_an_agents_words_find_only_what_the_gate_serves(team):
    governing = stories.published(team, title="Parcels", body=BODY)
    stories.successor(team, governing, body="Now about the okapi.")
    stories.draft(team["editor"], title="Okapi", body="Okapi.")
    agent = browser(team["agent"])
    assert listed(agent, q="okapi") == []
    assert listed(agent, q="order number") == ["Parcels"]
    assert listed(agent, q="parcels") == ["Parcels"]
    hold(team, "article", governing.article.slug)
    assert listed(agent, q="order number") == []
    assert listed(agent) == []


def test_pages_follow_each_other_without_gap_or_overlap(team):
    titles = [f"Article {letter}" for letter in "abcdefg"]
    for title in titles:
        stories.draft(team["editor"], title=title)
    seen, after = [], ""
    while True:
        shelf = catalogue.shelf(catalogue.Wanted(), after=after, limit=3)
        assert shelf.total == 7
        seen += [one.line.title for one in shelf.lines]
        if not shelf.next:
            break
        after = shelf.next
    assert seen == titles


def test_no_page_asks_more_when_there_is_more_to_show(team):
    client = browser(team["approver"])
    home, library = reverse("home"), reverse("library")
    stories.submit(stories.draft(team["editor"]), team["editor"])
    hold(team, "article", stories.published(team).article.slug)
    before = queries(client, home), queries(client, library)
    for _ in range(5):
        version = stories.published(team)
        stories.submit(stories.draft(team["editor"]), team["editor"])
        hold(team, "article", version.article.slug)
    assert (queries(client, home), queries(client, library)) == before
    assert before[0] <= 20
    assert before[1] <= 9


def test_an_articles_page_asks_no_more_for_more_versions_and_passages(team):
    version = stories.published(team)
    client = browser(team["editor"])
    address = reverse("article", args=[version.article.slug])
    before = queries(client, address)
    body = "\n\n".join(f"## Part {n}\n\nWords of part {n}." for n in range(9))
    for _ in range(3):
        stories.approve(stories.successor(team, version, body=body), team["approver"])
    assert queries(client, address) == before
    assert before <= 17


def test_an_article_says_plainly_what_governs_who_approved_it_and_until_when(team):
    end = gate.clock() + timedelta(days=400)
    version = stories.published(
        team, title="Parcels", body=BODY, scope={"region": "eu"}, effective_until=end
    )
    page = says(browser(team["editor"]).get(reverse("article", args=[version.article.slug])))
    assert "It comes on Monday." in page
    assert "For agents only, never told to customers Ask for the order number." in page
    assert "approver approved it" in page
    assert "region = eu" in page
    assert "Until" in page
    assert version.digest in page


def test_an_agent_reads_the_parts_that_may_be_served(team):
    version = stories.published(team, title="Parcels", body=BODY)
    agent = browser(team["agent"])
    address = reverse("article", args=[version.article.slug])
    assert "Ask for the order number." in says(agent.get(address))
    passage = version.passages.get(audience="agent")
    hold(team, "passage", passage.digest)
    page = says(agent.get(address))
    assert "Ask for the order number." not in page
    assert "It comes on Monday." in page
    assert "A part of this article is out of service" in page
    hold(team, "article", version.article.slug)
    assert agent.get(address).status_code == 404


def test_missing_and_forbidden_look_the_same(team):
    version = stories.draft(team["editor"], title="Unfinished")
    agent = browser(team["agent"])
    hidden = agent.get(reverse("article", args=[version.article.slug]))
    missing = agent.get(reverse("article", args=["nothing-of-the-kind"]))
    assert hidden.status_code == missing.status_code == 404

    def words(answer):
        return says(answer).replace(answer["X-Request-Id"], "")

    assert words(hidden) == words(missing)


def test_any_two_versions_of_one_article_can_be_compared_and_no_others(team):
    first = stories.published(team, body="It comes on Monday.")
    second = stories.successor(team, first, body="It comes on Friday.", scope={"region": "eu"})
    other = stories.published(team)
    client = browser(team["auditor"])
    address = reverse("compare", args=[first.article.slug])
    html = client.get(address, {"from": first.pk, "to": second.pk}).content.decode()
    assert "<del>Monday</del><ins>Friday</ins>" in html
    assert "<ins>region = eu</ins>" in html
    back = client.get(address, {"from": second.pk, "to": first.pk}).content.decode()
    assert "<del>Friday</del><ins>Monday</ins>" in back
    for odd in (str(other.pk), "", "x", "9" * 30):
        assert client.get(address, {"from": first.pk, "to": odd}).status_code == 404


def test_a_text_is_shown_sanitised_and_in_its_own_language(team):
    version = stories.published(
        team, title='<b>"Bold" & brave</b>', body="Hello <account number>.", language="de"
    )
    answer = browser(team["editor"]).get(reverse("article", args=[version.article.slug]))
    html = answer.content.decode()
    assert "&lt;b&gt;&quot;Bold&quot; &amp; brave&lt;/b&gt;" in html
    assert "&lt;account number&gt;" in html
    assert 'lang="de"' in html


def test_the_life_of_an_article_is_drawn_as_layers(team):
    first = stories.published(team)
    stories.approve(stories.successor(team, first, body="New."), team["approver"])
    html = (
        browser(team["editor"]).get(reverse("versions", args=[first.article.slug])).content.decode()
    )
    assert html.count('class="layer faded"') == 1
    assert html.count('class="layer solid"') == 1
    assert "style=" not in html


def test_the_layers_fit_any_column_and_their_words_keep_their_size(team):
    version = stories.published(team)
    html = (
        browser(team["editor"])
        .get(reverse("versions", args=[version.article.slug]))
        .content.decode()
    )
    drawing = html.partition('<svg class="strata"')[2].partition("</svg>")[0]
    assert "viewBox" not in drawing
    assert re.findall(
        r'<rect class="layer solid" x="[0-9.]+%" y="[0-9]+" width="[0-9.]+%"', drawing
    )


def test_what_is_out_of_service_keeps_its_layer_and_gets_a_notch(team):
    version = stories.published(team)
    address = reverse("versions", args=[version.article.slug])
    client = browser(team["editor"])
    assert 'class="notch"' not in client.get(address).content.decode()
    hold(team, "article", version.article.slug)
    html = client.get(address).content.decode()
    assert html.count('class="notch"') == 1
    assert "on hold now</title>" in html


def test_an_open_draft_is_gone_on_with_rather_than_begun_again(team):
    version = stories.published(team)
    client = browser(team["editor"])
    address = reverse("article", args=[version.article.slug])
    assert "Write the next version" in says(client.get(address))
    client.post(reverse("open_draft", args=[version.article.slug]), {"language": "en"})
    page = says(client.get(address))
    assert "Go on with the open draft" in page
    assert "Write the next version" not in page
