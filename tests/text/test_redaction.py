import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.digits import id_checksum_holds, passes_luhn
from service.text.redaction import Kind, mask, redact

MADE_UP_ID = "36010219800101123"  # seventeen digits; 5 completes the checksum


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "１３８１２３４５６７８",
        "138 1234 5678",
        "138-1234-5678",
        "138．1234．5678",
        "1 3 8 1 2 3 4 5 6 7 8",
        "138\u200b1234\u200b5678",
        "+86 13812345678",
        "(+86)13812345678",
        "8613812345678",
        "013812345678",
        "一三八一二三四五六七八",
        "幺三八 零零一三 八零零零",
        "一3八12345678",
        "1\ufe0f\u20e338 1234 5678",
    ],
)
def test_a_mobile_number_is_masked_however_it_is_written(written: str) -> None:
    assert mask(f"请回电{written}谢谢").rstrip("谢") == "请回电〔手机号〕"


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("0791-88888888", "〔固定电话〕"),
        ("（0791）8888888", "〔固定电话〕"),
        ("079188888888", "〔固定电话〕"),
        ("010-8888 8888转12", "〔固定电话〕"),
        ("400-800-8888", "〔固定电话〕"),
        ("8008208888", "〔固定电话〕"),
        ("电话：88888888、87777777", "电话：〔固定电话〕、〔固定电话〕"),
        ("拨打8888888转801", "拨打〔固定电话〕"),
        ("电话88888888万达广场", "电话〔固定电话〕万达广场"),
    ],
)
def test_a_fixed_telephone_is_masked(written: str, masked: str) -> None:
    assert mask(written) == masked


@pytest.mark.parametrize(
    "written",
    [
        MADE_UP_ID + "5",
        MADE_UP_ID + "9",  # a check character that does not hold
        MADE_UP_ID + "x",
        "360102 19800101 1235",
        "３６０１０２１９８００１０１１２３Ｘ",
        "360102800101123",
        "三六零一零二一九八零零一零一一二三五",
    ],
)
def test_an_identity_number_is_masked_even_when_mistyped(written: str) -> None:
    assert mask(f"身份证{written}，") == "身份证〔身份证号〕，"


@pytest.mark.parametrize(
    "written",
    ["6222021234567890123", "6222 0212 3456 7890 123", "4111-1111-1111-1111", "５１０５１０５１０５１０５１００"],
)
def test_a_bank_card_is_masked(written: str) -> None:
    assert mask(f"打到{written}。") == "打到〔银行卡号〕。"


def test_a_run_introduced_as_an_account_is_masked_though_no_card_looks_like_it() -> None:
    assert mask("账号：1234567890") == "账号：〔银行卡号〕"


def test_a_long_run_that_nothing_explains_is_masked_as_a_number() -> None:
    assert mask("是3141592653589793呢") == "是〔号码〕呢"


@pytest.mark.parametrize(
    "text",
    [
        "2019-02-28",
        "20190228",
        "2019.02.28-2019.03.28",
        "2019-01-14 18:26:23 2019-02-28",
        "20190228110525",
        "1234567.89元",
        "账户余额12345678901.00元",
        "360102001003",
        "13:30-14:30 15:00",
        "订单号2019022812345678",
        "编号1234567890123",
        "JX1234567890123456",
        "经度115.892151231231231",
        "1998-10-20-123",
        "1998-2008 500人",
        "2018-2019学年",
        "地块[2018]036号 G03-F12 Z10-D43",
        "12345热线、12315、110",
        "2016 2017 2018 2019",
        "3500-4000元 12-15 13-18",
    ],
)
def test_dates_amounts_codes_and_order_numbers_stay(text: str) -> None:
    assert mask(text) == text


def test_masking_counts_each_kind() -> None:
    found = redact(f"张某13812345678，身份证{MADE_UP_ID}5，另13987654321")
    assert found.counts == {Kind.MOBILE: 2, Kind.IDENTITY: 1}


def test_two_numbers_grown_together_are_both_masked() -> None:
    assert not re.search(r"\d", mask("1381234567813987654321"))


def test_what_is_not_masked_keeps_its_own_characters() -> None:
    assert mask("（３栋）\u200b电话１３８１２３４５６７８") == "（３栋）\u200b电话〔手机号〕"


MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
SURROUNDINGS = st.text(
    alphabet=st.one_of(
        st.characters(
            min_codepoint=0x4E00, max_codepoint=0x9FA5, exclude_characters="零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺"
        ),
        st.sampled_from("，。：；！？“”、abcXYZ"),
    ),
    max_size=30,
)
MESSY = st.text(alphabet="0123456789一三八 -.()（）+X电话卡号账编转：元〔〕手机固定\u200b年", max_size=80)


@given(SURROUNDINGS, MOBILES, SURROUNDINGS)
def test_a_mobile_number_is_masked_whatever_surrounds_it(before: str, mobile: str, after: str) -> None:
    assert mask(before + mobile + after) == f"{before}〔手机号〕{after}"


@given(MESSY, MOBILES, MESSY)
def test_no_free_standing_mobile_number_is_ever_left(before: str, mobile: str, after: str) -> None:
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", mask(f"{before}，{mobile}，{after}"))


@given(MESSY)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(st.from_regex(r"(11|36|44)0102(19[5-9]|200)[0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{4}", fullmatch=True))
def test_every_plausible_identity_number_is_masked(number: str) -> None:
    assert mask(f"证件{number}号") == "证件〔身份证号〕号"


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "No", "Nl", "Lo"]), max_size=200))
def test_a_text_without_digits_stays_as_it_is(text: str) -> None:
    assert redact(text).text == text


def test_the_checks_agree_with_published_examples() -> None:
    # GB 11643-1999 gives 11010519491231002X; ISO/IEC 7812 check digit of 7992739871 is 3.
    assert id_checksum_holds("11010519491231002X")
    assert passes_luhn("79927398713")
    assert not passes_luhn("79927398710")


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1 ",
        "13",
        "1.3-",
        "0791-",
        "(0791)",
        "6222 ",
        "一",
        "电话 ",
        "账号:",
        "1\u200b",
        "〔手机号〕、",
        "20190228 ",
    ],
)
def test_time_grows_with_length_and_not_with_its_square(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        return min(_timed(text) for _ in range(3))

    # Eight times the text: a square would take sixty-four times as long.
    assert seconds(32_000) < 30 * max(seconds(4_000), 0.002)


def _timed(text: str) -> float:
    start = process_time()
    redact(text)
    return process_time() - start
