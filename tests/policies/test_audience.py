"""Public, agent, internal: each includes the ones before."""

from itertools import product

import pytest

from policies.audience import Audience, includes, narrower, parse


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        (Audience.public, {Audience.public}),
        (Audience.agent, {Audience.public, Audience.agent}),
        (Audience.internal, set(Audience)),
    ],
)
def test_a_caller_is_told_what_is_for_its_level_and_the_ones_below(caller, allowed):
    assert {item for item in Audience if includes(caller, item)} == allowed


@pytest.mark.parametrize(("a", "b"), list(product(Audience, Audience)))
def test_whoever_may_see_the_narrower_may_see_both(a, b):
    both = narrower(a, b)
    assert narrower(b, a) is both
    for caller in Audience:
        assert includes(caller, both) == (includes(caller, a) and includes(caller, b))


@pytest.mark.parametrize("audience", Audience)
def test_an_audience_reads_back_from_its_name(audience):
    assert parse(str(audience)) is parse(f" {audience.name.upper()} ") is audience
    assert f"{audience}" == audience.name


@pytest.mark.parametrize("text", ["", "everyone", "1", "agents", "mro"])
def test_an_unknown_audience_is_refused_with_the_choices(text):
    with pytest.raises(ValueError, match=r"audience: .* public, agent, internal"):
        parse(text)
