"""A rulebook is swapped whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from service.rules.engine import evaluate
from service.rules.positions import LoadError
from service.rules.rulebook import RulebookHolder, load_rulebook
from service.rules.vocabulary import FactVocabulary
from tests.rules.making import AREA, ON, RULEBOOK, rule, rulebook_text


def test_the_hash_is_that_of_the_content_and_not_of_its_dress(vocabulary: FactVocabulary) -> None:
    plain = load_rulebook(RULEBOOK, vocabulary).sha256
    dressed = RULEBOOK.replace("rules:", "# 说明\nrules:  # 规则").replace("value: 30}", "value:   30 }")
    moved = RULEBOOK.replace("ruleset: demo\nversion: 2026.11.1\n", "version: 2026.11.1\nruleset: demo\n")
    assert load_rulebook(dressed, vocabulary).sha256 == plain
    assert load_rulebook(moved, vocabulary).sha256 == plain
    assert load_rulebook(RULEBOOK.replace("听取", "听"), vocabulary).sha256 != plain


def test_a_good_rulebook_takes_over(vocabulary: FactVocabulary) -> None:
    holder = RulebookHolder(load_rulebook(RULEBOOK, vocabulary))
    done = holder.reload(RULEBOOK.replace("2026.11.1", "2026.11.2"))
    assert done.accepted
    assert holder.current is done.current
    assert holder.current.version == "2026.11.2"


def test_a_bad_rulebook_leaves_the_last_good_one(vocabulary: FactVocabulary) -> None:
    good = load_rulebook(RULEBOOK, vocabulary)
    holder = RulebookHolder(good)
    done = holder.reload(RULEBOOK.replace("expect: clear", "expect: hit"), "new.yaml")
    assert not done.accepted
    assert holder.current is done.current is good
    assert done.errors == (LoadError("new.yaml", 9, 3, "DM-001", "自带测试至少要有一个 hit、一个 clear，缺少 clear"),)


def test_one_failing_test_of_many_rules_keeps_all_the_new_rules_out(vocabulary: FactVocabulary) -> None:
    good = load_rulebook(RULEBOOK, vocabulary)
    holder = RulebookHolder(good)
    failing = rule("DM-003", when={"field": "people_present", "op": ">=", "value": 31})
    done = holder.reload(rulebook_text(rule(), rule("DM-002"), failing))
    assert [error.rule_id for error in done.errors] == ["DM-003"]
    assert holder.current is good


def test_readers_see_one_rulebook_or_the_other_while_it_is_swapped(vocabulary: FactVocabulary) -> None:
    texts = [rulebook_text(*(rule(f"{name}-{n:03d}") for n in range(4))) for name in ("OLD", "NEW")]
    holder = RulebookHolder(load_rulebook(texts[0], vocabulary))

    def read(_: int) -> set[str]:
        return {finding.rule_id[:3] for finding in evaluate(holder.current, {"people_present": 40}, AREA, ON)}

    with ThreadPoolExecutor(4) as pool:
        seen = pool.map(read, range(400))
        for turn in range(6):
            assert holder.reload(texts[(turn + 1) % 2]).accepted
        assert all(names in ({"OLD"}, {"NEW"}) for names in seen)
