from pathlib import Path

import pytest
import yaml

from service.domain.catalogue import load_catalogue
from service.text.category import LEXICON, Categorised, Categoriser
from tests.text.real_messages import rows_of

CATEGORISER = Categoriser(load_catalogue())
# Which of the seven labels of the public set a category of ours falls under; the longest prefix counts.
LABEL_OF = {
    "urban_rural": "城乡建设",
    "urban_rural.transport": "交通运输",
    "contract": "城乡建设",
    "contract.prepaid": "商贸旅游",
    "contract.training": "教育文体",
    "property_rights": "城乡建设",
    "land_resources": "城乡建设",
    "labour": "劳动和社会保障",
    "administrative.education": "教育文体",
    "administrative.health": "卫生计生",
    "administrative.market": "商贸旅游",
    "administrative.city_management": "城乡建设",
    "other_civil": "商贸旅游",
    "finance.fund_raising": "商贸旅游",
    "tort.medical": "卫生计生",
    "tort.pollution": "环境保护",
    "tort.traffic": "交通运输",
    "neighbours": "城乡建设",
    "neighbours.noise": "环境保护",
}


@pytest.mark.parametrize(
    ("title", "text", "code"),
    [
        ("工地拖欠农民工工资", "包工头说没有钱，三个月没发。", "labour.wage_arrears"),
        ("小区停水三天", "自来水公司说在抢修。", "urban_rural.utilities"),
        ("征地补偿款没有到位", "青苗补偿也没有。", "land_resources.land_compensation"),
        ("拆迁后一直没有回迁", "过渡费也停了，安置房何时交付？", "urban_rural.resettlement"),
        ("工厂夜里排放废气", "味道刺鼻，环评不知有没有。", "tort.pollution"),
        ("健身房关门", "办卡充值的钱退不了。", "contract.prepaid"),
        ("村务不公开", "账目不清，村干部不说。", "organisation_discipline.village_accounts"),
        (None, "孩子到了入学年龄，学校说没有学位。", "administrative.education"),
    ],
)
def test_a_category_is_read_from_its_words(title: str | None, text: str, code: str) -> None:
    assert CATEGORISER.category(title, text).code == code


def test_the_words_that_spoke_are_named() -> None:
    assert {"拖欠", "工资"} <= set(CATEGORISER.category(None, "一直拖欠工资").matched)


@pytest.mark.parametrize("text", ["", "你好", "今天天气很好。", "12345"])
def test_a_text_that_says_too_little_is_unsorted_with_no_confidence(text: str) -> None:
    assert CATEGORISER.category(None, text) == Categorised("other", (), 0.0)


def test_a_word_in_the_title_outweighs_the_same_word_in_the_text() -> None:
    assert CATEGORISER.category("停电", "噪音").code == "urban_rural.utilities"
    assert CATEGORISER.category("噪音", "停电").code == "neighbours.noise"


def test_more_words_of_one_category_give_more_confidence() -> None:
    few = CATEGORISER.category(None, "物业").confidence
    many = CATEGORISER.category(None, "物业公司乱收物业费，业委会不管").confidence
    assert 0 < few < many < 1


def test_the_same_text_gets_the_same_answer_from_another_categoriser() -> None:
    text = "小区物业停水停电，开发商不交房，工资也拖欠"
    assert Categoriser(load_catalogue()).category(None, text) == CATEGORISER.category(None, text)


def test_every_category_but_the_two_rests_has_words() -> None:
    named = set(yaml.safe_load(LEXICON.read_text("utf-8"))["terms"])
    assert set(load_catalogue().categories) - named == {"other", "other_civil"}


def test_a_lexicon_that_names_an_unknown_category_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load(LEXICON.read_text("utf-8")) | {"terms": {"no.such": {1: ["词语"]}}}
    path = tmp_path / "lexicon.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    with pytest.raises(ValueError, match=r"no such category: no\.such"):
        Categoriser(load_catalogue(), path)


def test_no_word_of_the_lexicon_is_about_going_to_a_higher_level() -> None:
    terms = yaml.safe_load(LEXICON.read_text("utf-8"))["terms"]
    words = {word for by_weight in terms.values() for words in by_weight.values() for word in words}
    assert not [word for word in words if any(right in word for right in ("上访", "信访", "进京", "越级"))]


def test_public_messages_mostly_fall_under_the_label_people_gave_them() -> None:
    rows = rows_of("labelled_segmented.csv.gz")[1::2]  # the half that was not looked at while choosing words
    right = sum(_label_of(row["seg"].replace(" ", "")) == row["label"] for row in rows)
    assert right / len(rows) > 0.78  # measured: 0.817


def _label_of(text: str) -> str:
    code = CATEGORISER.category(text[:25], text[25:]).code  # these texts begin with their title, unmarked
    return LABEL_OF.get(code) or LABEL_OF.get(code.partition(".")[0], "")
