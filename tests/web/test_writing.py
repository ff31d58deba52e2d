"""Writing on the pages: nothing that was typed is ever lost, and nobody overwrites anybody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from kb.actions import drafting
from kb.models import Article, Version
from kb.web import words
from tests import stories
from tests.web.visits import browser, says, written, written_article

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return stories.staff()


@pytest.fixture
def client(team):
    return browser(team["editor"])


def place(version: Version) -> str:
    return reverse("edit_draft", args=[version.pk])


def test_a_new_article_is_kept_as_a_draft_with_everything_that_was_written(client):
    answer = client.post(
        reverse("new_article"),
        written_article(
            kind="policy",
            scope="region = EU\nsegment = business",
            effective_from="2031-03-01T09:30",
            change_note="New this year.",
            review_every_days="180",
            **{
                "facts-TOTAL_FORMS": "2",
                "facts-0-key": "refund.window",
                "facts-0-type": "duration",
                "facts-0-comparator": "le",
                "facts-0-value": "30 days",
                "facts-0-scope": "region = EU",
                "facts-1-type": "duration",
                "facts-1-comparator": "eq",
            },
        ),
    )
    version = Version.objects.get()
    assert answer["Location"] == place(version)
    assert version.article.review_every_days == 180
    assert version.article.journey.name == "Delivery"
    assert version.scope == {"region": "eu", "segment": "business"}
    assert version.effective_from == datetime(2031, 3, 1, 9, 30, tzinfo=UTC)
    assert [one["value"] for one in version.facts] == ["30"]
    page = says(client.get(place(version)))
    assert "Only people who write and review see this draft" in page


def test_a_wrong_field_is_named_and_what_was_typed_comes_back(client):
    answer = client.post(
        reverse("new_article"),
        written_article(
            title="Kept title",
            body="Kept <script>alert(1)</script> body",
            scope="region EU",
            effective_from="2031-03-01T09:30",
            effective_until="2030-03-01T09:30",
        ),
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert not Article.objects.exists()
    assert 'value="Kept title"' in page
    assert "Kept &lt;script&gt;alert(1)&lt;/script&gt; body" in page
    assert "write key = value" in says(answer)
    assert 'href="#id_scope"' in page


def test_what_the_action_refuses_stands_beside_its_field(client):
    answer = client.post(
        reverse("new_article"),
        written_article(
            body="Hello <script>alert(1)</script>",
            **{
                "facts-TOTAL_FORMS": "1",
                "facts-0-key": "Refund Window",
                "facts-0-type": "duration",
                "facts-0-comparator": "eq",
                "facts-0-value": "30",
            },
        ),
    )
    page = says(answer)
    assert answer.status_code == 422
    assert "line 1" in page
    assert "isn't lower-case words joined by points" in page
    assert 'value="Refund Window"' in answer.content.decode()


def test_a_round_trip_through_the_form_changes_nothing(client, team):
    version = stories.draft(
        team["editor"],
        kind="policy",
        scope={"region": "eu"},
        effective_from=datetime(2031, 3, 1, 9, 30, 15, 123456, tzinfo=UTC),
        facts=({"key": "fee.label", "type": "money", "value": "3.50", "unit": "GBP"},),
    )
    before = drafting.content_of(version)
    shown = client.get(place(version))
    form, rows = shown.context["form"], shown.context["rows"]
    typed = written(
        action="submit",
        **{name: form[name].value() or "" for name in ("title", "body", "kind", "scope")},
        effective_from="2031-03-01T09:30:15",
        edits=str(version.edits),
        **{
            "facts-TOTAL_FORMS": "1",
            **{f"facts-0-{n}": rows[0][n].value() or "" for n in rows[0].fields},
        },
    )
    client.post(place(version), typed)
    version.refresh_from_db()
    assert version.state == "in_review"
    assert drafting.content_of(version) == before
    assert version.edits == 0


def test_sending_somebodys_draft_to_review_unchanged_doesnt_make_one_its_author(team):
    version = stories.draft(team["editor"], title="Where is my parcel", body="It is on its way.")
    browser(team["approver"]).post(
        place(version), written(title=version.title, body=version.body, action="submit")
    )
    version.refresh_from_db()
    assert version.state == "in_review"
    assert stories.approve(version, team["approver"]).state == "published"


def test_two_people_at_once_see_both_texts_and_lose_neither(client, team):
    version = stories.draft(team["editor"], title="Parcels", body="First words.")
    browser(team["approver"]).post(
        place(version), written(title="Parcels", body="Theirs: it comes on Monday.")
    )
    mine = written(title="Parcels", body="Mine: it comes on Friday.")
    answer = client.post(place(version), mine)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Mine: it comes on Friday." in page
    assert "Theirs: it comes on Monday." in page
    version.refresh_from_db()
    assert version.body == "Theirs: it comes on Monday."
    assert answer.context["form"]["edits"].value() == "1"
    assert f"{words.named(team['approver'])} saved this draft today" in says(answer)
    again = client.post(place(version), {**mine, "edits": "1"})
    assert again.status_code == 302
    version.refresh_from_db()
    assert version.body == "Mine: it comes on Friday."


def test_what_was_typed_into_a_draft_that_is_no_draft_any_more_comes_back(client, team):
    version = stories.submit(stories.draft(team["editor"]), team["editor"])
    answer = client.post(place(version), written(body="Words that came too late."))
    assert answer.status_code == 422
    assert "Words that came too late." in answer.content.decode()
    assert "no draft any more" in says(answer)


def test_a_preview_shows_the_text_as_served_and_saves_nothing(client, team):
    stories.published(
        team,
        kind="policy",
        body="Within {{ fact refund.window }}.",
        facts=({"key": "refund.window", "type": "duration", "value": "30 days"},),
    )
    version = stories.draft(team["editor"], body="Nothing yet.")
    answer = client.post(
        place(version),
        written(
            action="preview",
            body="## Soon\n\nSend it within {{ fact refund.window }} or {{ fact other.one }}.\n\n"
            "## Say this {audience=agent}\n\nAsk for the order number.",
        ),
    )
    page = says(answer)
    assert "Send it within 30 days or [no value]." in page
    assert "For agents only, never told to customers Ask for the order number." in page
    assert "No policy in force gives other.one a value" in page
    version.refresh_from_db()
    assert version.body == "Nothing yet."


def test_no_browser_keeps_back_a_preview_or_a_row_for_want_of_a_title(client):
    page = client.get(reverse("new_article")).content.decode()
    form = page.partition('<form method="post" enctype')[2]
    assert " required" not in form
    refused = client.post(reverse("new_article"), written_article(title=""))
    assert refused.status_code == 422
    assert "Title : Write a title." in says(refused)


def test_more_rows_keep_what_was_typed(client, team):
    version = stories.draft(team["editor"])
    answer = client.post(
        place(version),
        written(
            action="more",
            body="Typed.",
            **{
                "facts-TOTAL_FORMS": "1",
                "facts-0-key": "refund.window",
                "facts-0-type": "duration",
                "facts-0-comparator": "eq",
                "facts-0-value": "30 days",
            },
        ),
    )
    assert len(answer.context["rows"].forms) == 3
    assert 'value="refund.window"' in answer.content.decode()
    assert "Typed." in answer.content.decode()


def test_sending_to_review_gives_it_a_number_and_says_who_decides(client, team):
    version = stories.draft(team["editor"])
    answer = client.post(place(version), written(action="submit"), follow=True)
    assert "Sent to review as version 1" in says(answer)
    version.refresh_from_db()
    assert (version.state, version.title) == ("in_review", "Where is my parcel")


def test_a_draft_that_cant_be_submitted_is_saved_all_the_same(client, team):
    version = stories.draft(team["editor"])
    answer = client.post(
        place(version), written(action="submit", body="Within {{ fact no.such }} of it.")
    )
    assert "Your text is saved as a draft" in says(answer)
    assert "no policy in force carries it" in says(answer)
    version.refresh_from_db()
    assert (version.state, version.body) == ("draft", "Within {{ fact no.such }} of it.")


def test_the_next_version_starts_from_the_latest_text(client, team):
    version = stories.published(team, title="Parcels", body="They come on Monday.")
    answer = client.post(
        reverse("open_draft", args=[version.article.slug]), {"language": "en"}, follow=True
    )
    assert "They come on Monday." in answer.content.decode()
    assert "Based on version 1" in says(answer)


def test_withdrawing_asks_first_and_says_what_it_means(client, team):
    version = stories.draft(team["editor"])
    where = reverse("withdraw", args=[version.pk])
    assert "stays readable" in says(client.get(where))
    client.post(where, {"why": "not needed"})
    version.refresh_from_db()
    assert version.state == "withdrawn"


def test_dates_are_read_and_shown_in_the_local_zone(client, team, settings):
    settings.KB = {**django_settings.KB, "time_zone": "Europe/Berlin"}
    version = stories.draft(team["editor"])
    client.post(place(version), written(effective_from="2031-07-01T00:00"))
    version.refresh_from_db()
    assert version.effective_from == datetime(2031, 6, 30, 22, 0, tzinfo=UTC)
    page = client.get(place(version)).content.decode()
    assert 'value="2031-07-01T00:00:00"' in page
    assert "Times are in Europe/Berlin" in says(client.get(place(version)))


def test_control_characters_and_odd_row_counts_are_refused_kindly(client):
    for odd in ({"title": "a\x00b"}, {"facts-TOTAL_FORMS": "many"}, {"facts-TOTAL_FORMS": "9999"}):
        answer = client.post(reverse("new_article"), written_article(**odd))
        assert answer.status_code == 422, odd
