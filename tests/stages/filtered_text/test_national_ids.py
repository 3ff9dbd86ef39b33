"""Private data planted by the hundred, in the digits of five scripts: at least 98 in 100 are found."""

from __future__ import annotations

import random
from collections.abc import Callable

import polars as pl
import pytest

from stages.filtered_text.private_data.mask import mask, unmasked
from stages.filtered_text.private_data.national_ids import PROVINCES, mask_text, verhoeff

SCRIPTS = ["0123456789", "০১২৩৪৫৬৭৮৯", "०१२३४५६७८९", "๐๑๒๓๔๕๖๗๘๙", "۰۱۲۳۴۵۶۷۸۹"]
PLANTED = 100


def digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def finland(draw: random.Random) -> str:
    born = f"{draw.randint(1, 28):02d}{draw.randint(1, 12):02d}{draw.randint(0, 99):02d}"
    number = digits(draw, 3)
    return f"{born}{draw.choice('-+A')}{number}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(born + number) % 31]}"


def turkey(draw: random.Random) -> str:
    first = [draw.randint(1, 9), *(draw.randint(0, 9) for _ in range(8))]
    tenth = (sum(first[0::2]) * 7 - sum(first[1::2])) % 10
    return "".join(map(str, [*first, tenth, (sum(first) + tenth) % 10]))


def aadhaar(draw: random.Random) -> str:
    first = draw.choice("23456789") + digits(draw, 10)
    number = next(first + check for check in "0123456789" if verhoeff(first + check) == 0)
    gap = draw.choice(["", " ", "-"])
    return gap.join([number[:4], number[4:8], number[8:]])


def thailand(draw: random.Random) -> str:
    first = draw.choice("12345678") + digits(draw, 11)
    number = first + str((11 - sum(int(one) * (13 - at) for at, one in enumerate(first)) % 11) % 10)
    gap = draw.choice(["", " ", "-"])
    return gap.join([number[0], number[1:5], number[5:10], number[10:12], number[12]])


def indonesia(draw: random.Random) -> str:
    day = draw.randint(1, 28) + draw.choice([0, 40])
    born = f"{day:02d}{draw.randint(1, 12):02d}{draw.randint(0, 99):02d}"
    return f"{draw.randint(11, 94)}{digits(draw, 4)}{born}{draw.randint(1, 9999):04d}"


def vietnam(draw: random.Random) -> str:
    provinces = [code for code in (f"{number:03d}" for number in range(100)) if PROVINCES.match(code)]
    assert len(provinces) == 63
    return f"{draw.choice(provinces)}{draw.randint(0, 3)}{digits(draw, 8)}"


def pakistan(draw: random.Random) -> str:
    return f"{draw.randint(1, 8)}{digits(draw, 4)}-{digits(draw, 7)}-{digits(draw, 1)}"


def tanzania(draw: random.Random) -> str:
    born = f"{draw.randint(1930, 2005)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}"
    return f"{born}-{digits(draw, 5)}-{digits(draw, 5)}-{digits(draw, 2)}"


def pan(draw: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    first = "".join(draw.choices(letters, k=3)) + draw.choice("ABCFGHLJPT") + draw.choice(letters)
    return first + digits(draw, 4) + draw.choice(letters)


def announced(draw: random.Random) -> str:
    return draw.choice(["NID: ", "ID No. ", "জাতীয় পরিচয়পত্র নম্বর "]) + draw.choice(["7", "9"]) + digits(draw, 9)


def kenya(draw: random.Random) -> str:
    return draw.choice(["Kitambulisho namba ", "National ID "]) + str(draw.randint(1, 9)) + digits(draw, 7)


def email(draw: random.Random) -> str:
    return (
        f"{draw.choice(['paja', 'info.desk', 'a+b'])}{digits(draw, 2)}@{draw.choice(['kerho', 'mail-1'])}.example.org"
    )


def phone(draw: random.Random) -> str:
    gap = draw.choice([" ", "-"])
    country = draw.choice(["358", "66", "91", "254", "62"])
    return gap.join([f"+{country}", str(draw.randint(20, 99)), digits(draw, 3), digits(draw, 4)])


def address(draw: random.Random) -> str:
    return f"{draw.randint(193, 197)}.{draw.randint(1, 255)}.{draw.randint(1, 255)}.{draw.randint(1, 255)}"


def iban(draw: random.Random) -> str:
    country, length = draw.choice([("FI", 14), ("DE", 18), ("PK", 20), ("TR", 22)])
    account = digits(draw, length)
    spelt = account + "".join(str(int(one, 36)) for one in country) + "00"
    number = f"{country}{98 - int(spelt) % 97:02d}{account}"
    return draw.choice([number, " ".join(number[at : at + 4] for at in range(0, len(number), 4))])


NUMBERS = [turkey, aadhaar, thailand, indonesia, vietnam, pakistan]
MAKERS = [*NUMBERS, finland, pan, tanzania, announced, kenya, email, phone, address, iban]


@pytest.mark.parametrize("maker", MAKERS)
def test_planted_private_data_is_found(maker: Callable[[random.Random], str]) -> None:
    draw = random.Random(maker.__name__)
    texts = [f"Kirje saapui: {maker(draw)}, ja vastaus lähti." for _ in range(PLANTED)]
    masked = mask(pl.DataFrame({"text": texts}))["text"]
    assert masked.str.contains(r"^Kirje saapui: [^\d]*\[\w+\], ja vastaus lähti\.$").mean() >= 0.98


@pytest.mark.parametrize("maker", [*NUMBERS, finland, tanzania, phone, email, iban])
def test_planted_private_data_between_thai_words_is_found(maker: Callable[[random.Random], str]) -> None:
    draw = random.Random(maker.__name__)
    texts = [f"ติดต่อ{maker(draw)}ค่ะ" for _ in range(PLANTED)]
    masked = mask(pl.DataFrame({"text": texts}))["text"]
    assert masked.str.contains(r"^ติดต่อ\[\w+\]ค่ะ$").mean() >= 0.98


@pytest.mark.parametrize("maker", NUMBERS)
@pytest.mark.parametrize("script", SCRIPTS[1:])
def test_planted_numbers_are_found_in_the_digits_of_every_script(maker: Callable[..., str], script: str) -> None:
    draw = random.Random(maker.__name__)
    to_script = str.maketrans(SCRIPTS[0], script)
    found = [mask_text(f"({maker(draw).translate(to_script)})")[1] for _ in range(PLANTED)]
    assert sum(found) >= 0.98 * PLANTED


@pytest.mark.parametrize(
    "text",
    [
        "311298-308T",  # no such check sign
        "310299-3086",  # no such day
        "12345678901",
        "2363 4120 3452",
        "1-2345-67890-12-3",
        "ISBN 9789510123456",
        "9901014502900001",  # no such province
        "097094012345",
        "Hadithi 12345678",
        "3.1415926535897",
        "XYZDE1234F",
        "ต่อ 3536 3502 3503 3506",  # phone extensions: the last three pass Verhoeff's check
        "1111 2222 3333 4444 5555 6666 7777",
        "1 2345-67890 12-3",
        "085235831533",  # an Indonesian mobile number: Vietnam has no province 085
        "apps.apple.com/app/id1557651291",
    ],
)
def test_numbers_that_only_look_alike_stay(text: str) -> None:
    assert mask_text(text) == (text, 0)


def test_identity_numbers_are_counted_and_none_is_left_for_the_gate() -> None:
    frame = mask(pl.DataFrame({"text": ["Tunnus 131052-308T ja numero 10000000146.", "ei mitään"]}))
    assert frame["text"].to_list() == ["Tunnus [national_id] ja numero [national_id].", "ei mitään"]
    assert frame["national_ids"].to_list() == [2, 0]
    assert frame.select(unmasked(pl.col("text")).sum()).item() == 0


@pytest.mark.parametrize(
    ("text", "masked", "phones"),
    [
        ("Mobile: 9876543210, 9123456780", "Mobile: [phone], [phone]", 2),
        ("फोन 98765 43210 / 91234 56780 / 81234 56780", "फोन [phone] / [phone] / [phone]", 3),
        ("โทร 0812345678ก0812345679", "โทร [phone]ก[phone]", 2),
        ("tel. 040 123 4567, 040 123 4568", "tel. [phone], [phone]", 2),
        ("Mobile: 9876543210. In 2019 there were 6123456780 of them.",
         "Mobile: [phone]. In 2019 there were 6123456780 of them.", 1),
    ],
)  # fmt: skip
def test_numbers_one_after_the_other_are_all_masked(text: str, masked: str, phones: int) -> None:
    found = mask(pl.DataFrame({"text": [text, "Nothing here."]}))
    assert found["text"].to_list() == [masked, "Nothing here."]
    assert found["phones"].to_list() == [phones, 0]
    assert found.select(unmasked(pl.col("text"))).to_series().to_list() == [0, 0]
