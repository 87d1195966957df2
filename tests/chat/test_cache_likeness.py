"""Which near questions ask for the same."""

from __future__ import annotations

import pytest

from ragline.chat.cache.likeness import same_demand

SAME = [
    ("What is the maximum load of the crane?", "what is the maximum load of the crane"),
    ("What is the maximum load of the crane?", "What's the maximum load of a crane?"),
    ("What flows between the Bingen and Bonn?", "What flows between Bingen and Bonn?"),
    ("Please tell me how long the warranty lasts.", "How long does the warranty last?"),
    ("Does the warranty cover the filters?", "Does the warranty cover the filter?"),
    ("Why doesn't the kettle heat up?", "Why doesn’t this kettle heat up?"),
    ("Can't the filter be washed?", "Cannot the filter be washed?"),
    ("Quelle est la charge maximale de la grue ?", "quelle est la charge maximale de cette grue"),
    ("Est-ce que la garantie couvre le filtre ?", "La garantie couvre le filtre ?"),
    ("Quelle est la durée de la garantie ?", "Quelle est la duree de la garantie ?"),
    ("Was kostet der Wasserkocher?", "was kostet der wasserkocher"),
    ("Is a load of 2.5 t allowed?", "Is a load of 2,5 t allowed?"),
]
DIFFERENT = [
    # numbers, units and signs
    ("maximum load 200 kg?", "maximum load 250 kg?"),
    ("What is the maximum load of a 200 kg crane?", "What is the maximum load of a 250 kg crane?"),
    ("Is a load of 25 kg allowed?", "Is a load of 25 t allowed?"),
    ("Is a load of 2.5 t allowed?", "Is a load of 25 t allowed?"),
    ("What happens at 5 °C in the tank?", "What happens at -5 °C in the tank?"),
    ("What happens with 5 % of the salt?", "What happens with 5 of the salt?"),
    ("Is the value < 3 in winter?", "Is the value > 3 in winter?"),
    ("Is A7 of the manual valid for 2021?", "Is A8 of the manual valid for 2021?"),
    ("How do I join the 3' and 5' strands?", "How do I join the 5' and 3' strands?"),
    ("What is written about two kettles?", "What is written about three kettles?"),
    ("How do I learn C++ quickly?", "How do I learn C# quickly?"),
    # names and quotes
    ("Who keeps the light at Eddystone?", "Who keeps the light at Fastnet?"),
    ("Which flight goes from Paris to London?", "Which flight goes from London to Paris?"),
    ("What does the chapter 'The kettle' say?", "What does the chapter 'A kettle' say?"),
    ('Who wrote "The Who"?', 'Who wrote "Who"?'),
    ("Is it covered by the insurance?", "Is IT covered by the insurance?"),
    ("When did The Who play in town?", "When did who play in town?"),
    ("Who wrote « La Peste » à Oran ?", "Who wrote « Peste » à Oran ?"),
    # negations
    ("Is the filter covered by the warranty?", "Is the filter not covered by the warranty?"),
    ("Why does the kettle heat up?", "Why doesn't the kettle heat up?"),
    ("Can the filter be washed by hand?", "Can't the filter be washed by hand?"),
    ("Which parts are covered with a bill?", "Which parts are covered without a bill?"),
    ("Is any part of the kettle covered?", "Is no part of the kettle covered?"),
    ("La garantie couvre le filtre ?", "La garantie ne couvre pas le filtre ?"),
    ("Peut-on laver le filtre avec du sel ?", "Peut-on laver le filtre sans sel ?"),
    ("Les pièces sont toujours couvertes ?", "Les pièces ne sont jamais couvertes ?"),
    # opposites, roles, time and what is asked for
    ("What is the maximum load of the crane?", "What is the minimum load of the crane?"),
    ("Does the infection increase the risk?", "Does the infection decrease the risk?"),
    ("Are female students bullied more than male students?",
     "Are male students bullied more than female students?"),
    ("Are students more vulnerable to strokes?", "Are students less vulnerable to strokes?"),
    ("When did Tesla die in the city?", "Where did Tesla die in the city?"),
    ("Who is the keeper of the light?", "Who was the keeper of the light?"),
    ("May I open the lid before boiling?", "May I open the lid after boiling?"),
    ("Quelle est la charge maximale de la grue ?", "Quelle est la charge minimale de la grue ?"),
    ("Le filtre est plus cher que la pompe ?", "Le filtre est moins cher que la pompe ?"),
    ("What is the dose for adults?", "What is the dose for children?"),
    ("What is the dose for adults?", "What is the dose for adults in winter?"),
    # languages
    ("How long does the warranty last?", "Combien de temps dure la garantie ?"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same(one: str, other: str) -> None:
    """Questions that differ in their form only have one answer."""
    assert same_demand(one, other)
    assert same_demand(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    """Questions that differ in a word that weighs do not share an answer."""
    assert not same_demand(one, other)
    assert not same_demand(other, one)


@pytest.mark.parametrize("odd", ["?", "", "的", "\u200b", "x" * 4000, "😀", "\u202e", "''", "« »"])
def test_odd(odd: str) -> None:
    """No words are wrong words."""
    assert same_demand(odd, odd)
