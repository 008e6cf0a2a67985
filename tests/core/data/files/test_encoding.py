"""Bytes of unknown encoding are read as the people who wrote them meant, even where there are few of them."""

import unicodedata

import pytest

from core.data.files.encoding import candidates, decode, differing_line

TEXTS = {
    "cp1252": ["Länge\nBär\nKühe\nFüchse", "café\nthé\nmaté", "niño\nseñor", "rød\nblå\ngrøn", "10 °C\n20 °C",
               "€ 10\n€ 20", "maçã\nlimão\npêra", "ÖL\nGRÜN\nSÜSS", "Müller’s"],
    "cp850": ["Größe\nweiß", "Länge\nBär\nKühe"],
    "mac_roman": ["Länge\nBär\nKühe\nFüchse", "rouge\nélève\nforêt", "niño\nseñor"],
    "cp1250": ["żółty\nzielony\nbiały", "piros\nzöld\nsárga\nkék\nfehér", "červený\nzelený\nžlutý", "Łódź\nGdańsk"],
    "iso8859_2": ["Délka\nkočka\nptáček\nliška\nkůň\nžába"],
    "cp1251": ["длина\nкошка\nсобака\nптица", "красный\nзелёный", "да\nнет", "ДА\nНЕТ", "Москва\nПермь\nТула"],
    "koi8_r": ["кошка\nсобака\nптица", "да\nнет", "Москва\nПермь"],
    "cp866": ["кошка\nсобака\nптица", "да\nнет"],
    "cp1253": ["μήκος\nγάτα\nσκύλος\nπουλί", "ναι\nόχι"],
    "cp1254": ["uzunluk\nkuş\nbalık\nağaç", "kırmızı\nyeşil\nmavi", "İstanbul\nİzmir", "kadın\nerkek"],
    "gbk": ["长度\n猫\n狗\n鸟", "猫\n狗\n鸟", "合格\n不合格", "北京\n上海\n广州", "男\n女", "腐烂\n新鲜"],
    "big5": ["長度\n貓\n狗\n鳥", "紅\n綠\n藍", "臺北\n高雄"],
    "cp932": ["長さ\n猫\n犬\n鳥", "猫\n犬\n表", "はい\nいいえ", "東京\n大阪\n京都"],
    "euc_jp": ["長さ\n猫\n犬\n鳥\nネコ", "合格\n不合格"],
    "cp949": ["길이\n고양이\n개\n새", "빨강\n초록\n파랑", "남\n여", "서울\n부산"],
    "utf-16-le": ["Länge,kind\n1,Bär", "长度,种类\n12.5,猫\n3.25,狗"],
    "utf-16-be": ["Länge,kind\n1,Bär"],
    "utf-16": ["Länge,kind\n1,Bär"],
    "utf-8": ["Länge\nBär", "猫\n狗", "plain"],
    "utf-8-sig": ["Länge\nBär"],
    "iso2022_jp": ["猫\n犬"],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_a_few_words_are_enough(encoding, text):
    raw = text.encode(encoding)
    first = candidates(raw)[0]
    assert decode(raw, first.encoding).removeprefix("\ufeff") == text


def test_another_reading_of_the_same_line_can_be_chosen():
    raw = "id,kind\n1,Grün\n2,weiß\n".encode("cp1252")
    found = [candidate.encoding for candidate in candidates(raw)[:2]]
    readings = differing_line(raw, found)
    assert len(found) == 2 and readings["cp1252"] == "1,Grün"
    assert readings[found[1]] != "1,Grün"


def test_letters_and_their_marks_are_put_together():
    apart = unicodedata.normalize("NFD", "Bär")
    assert decode(apart.encode(), "utf-8") == "Bär"


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\xef\xbb\xbf\xff\xfe\xfd"])
def test_what_is_no_text_has_no_encoding(raw):
    assert candidates(raw) == ()


def test_one_odd_byte_far_down_does_not_break_the_choice():
    raw = ("größe\n" * 40_000).encode() + b"\xff"
    assert candidates(raw)[0].encoding != "utf-8"
