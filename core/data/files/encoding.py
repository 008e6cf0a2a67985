"""The encoding of bytes of unknown origin, by what the language of the text says.

Statistics of long texts (as charset-normalizer's) fail on a few class names. So the words with bytes beyond ASCII are
read in every encoding that programs have written, and each reading is judged by how probable its letters are in a
language that the encoding was made for.
"""

import codecs
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path

from core.schemas import Frozen

_LANGUAGES = Path(__file__).with_name("languages.toml")
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LOOK = 4 * 2**20  # bytes searched for words beyond ASCII
_WORDS = 2_000  # different words that are enough to tell
_WORD = re.compile(rb"[\x40-\xff]*[\x80-\xff][\x40-\xff]*")  # the second byte of two may be an ASCII letter
_SIGNS = "°€£§±²³µ·–—’‘“”„«»…×½¼®©™•†‰ ´"
_SIGN_INSIDE = re.compile(r"[^\W\d_][°€£§±²³µ“”„«»…×½¼®©™•†‰´][^\W\d_]|^[…™©®†•‰½¼×»][^\W\d_]")
_SIGN, _ASCII, _OTHER, _BROKEN = log(0.005), log(0.03), log(2e-5), log(1e-3)
# How much more often an encoding is met than another that reads the same bytes as the same words.
_PRIOR = {"cp1252": 2.0, "cp1250": 1.5, "cp1251": 1.5, "cp1253": 1.0, "cp1254": 1.0, "gb18030": 1.0, "cp932": 1.0,
          "big5hkscs": 0.5, "cp949": 0.5, "euc_jp": 0.0, "mac_roman": 0.5}  # fmt: skip


class Candidate(Frozen):
    """An encoding that the bytes can be read in, by Python's name; `language` is the one that fits its letters best.

    `score` is the mean log-likelihood of a byte outside ASCII words; of two candidates the higher is more plausible.
    """

    encoding: str
    language: str = ""
    score: float = 0.0


@dataclass(frozen=True)
class _Language:
    name: str
    encodings: tuple[str, ...]
    likelihood: dict[str, float]
    standard: frozenset[str]
    of_standard: float

    def judge(self, words: Iterable[str]) -> float:
        """The log-likelihood of the words' characters."""
        return sum(self._judge_word(word) for word in words)

    def _judge_word(self, word: str) -> float:
        found = 0.0
        for char in word:
            if char < "\x80":
                found += _ASCII if not self.standard else _ASCII - 1
            elif char in self.likelihood:
                found += self.likelihood[char]
            elif char in self.standard:
                found += self.of_standard
            elif (low := char.lower()) in self.likelihood and low != char:
                found += self.likelihood[low] - (0.3 if word.isupper() else 1.5)
            else:
                found += _SIGN if char in _SIGNS else _OTHER - (3 if self.standard else 0)
        if _SIGN_INSIDE.search(word):
            found += _BROKEN
        return found + sum(_misshaped(part) for part in re.findall(r"[^\W\d_]+", word))


def candidates(raw: bytes) -> tuple[Candidate, ...]:
    """The encodings that `raw` can be read in, the most plausible first; none where it is no text.

    `raw` may be a whole file, or several names with line breaks between them: the more, the surer.
    """
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return (Candidate(encoding=encoding),) if _decodes(raw, encoding) else ()
    wide = _without_mark(raw)
    if wide:
        return (Candidate(encoding=wide),)
    if b"\x1b$" in raw and _decodes(raw, "iso2022_jp"):
        return (Candidate(encoding="iso2022_jp", language="japanese"),)
    unicode = [Candidate(encoding="utf-8")] if _decodes(raw, "utf-8") else []
    if raw.isascii():
        return tuple(unicode)
    legacy = [found for found in _judged(_words(raw)) if _decodes(raw, found.encoding)]
    if not legacy and not unicode:
        legacy = _by_statistics(raw)
    return (*unicode, *legacy)


def decode(raw: bytes, encoding: str) -> str:
    """The text of the bytes in Unicode's composed form (NFC); `UnicodeDecodeError` where they are something else."""
    return unicodedata.normalize("NFC", raw.decode(encoding))


def differing_line(raw: bytes, encodings: Sequence[str]) -> dict[str, str]:
    """The first line that the encodings read differently, to choose from: encoding → line."""
    texts = [raw[:_LOOK].decode(encoding, "replace").splitlines() for encoding in encodings]
    for lines in zip(*texts, strict=False):
        if len(set(lines)) > 1:
            return {name: line.strip()[:200] for name, line in zip(encodings, lines, strict=True)}
    return {}


def odd_line_of_utf8(raw: bytes) -> int:
    """The line, from 1, of the first byte that is no UTF-8 in a text that otherwise is; 0 for all other texts."""
    text = raw.decode("utf-8", "replace")
    odd = text.count("\ufffd")
    if not odd:
        return 0
    beyond = len(text) - len(text.encode("ascii", "ignore")) - odd
    if beyond < 20 * odd:  # in other encodings hardly any letter looks like UTF-8
        return 0
    return text.count("\n", 0, text.index("\ufffd")) + 1


def _without_mark(raw: bytes) -> str:
    """UTF-16 that does not say so: every second byte of digits, commas and Latin letters is 0."""
    head = raw[: 2**16] if len(raw) > 2**16 else raw[: len(raw) // 2 * 2]
    if len(head) < 4 or b"\0" not in head:
        return ""
    pairs = len(head) // 2
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) >= 0.1 * pairs and others.count(0) <= 0.01 * pairs and len(raw) % 2 == 0:
            try:
                text = head.decode(encoding)
            except UnicodeDecodeError:
                continue
            if sum(c.isprintable() or c in "\r\n\t" for c in text) >= 0.98 * len(text) and _decodes(raw, encoding):
                return encoding
    return ""


def _words(raw: bytes) -> tuple[bytes, ...]:
    """The different words beyond ASCII, with the ASCII letters in them."""
    found: dict[bytes, None] = {}
    for match in _WORD.finditer(raw, 0, _LOOK):
        found[match[0]] = None
        if len(found) >= _WORDS:
            break
    return tuple(found)


def _judged(words: tuple[bytes, ...]) -> list[Candidate]:
    n = sum(map(len, words))
    best: dict[str, Candidate] = {}
    readings: dict[str, tuple[str, ...] | None] = {}
    for language in _languages():
        for place, encoding in enumerate(language.encodings):
            if encoding not in readings:
                readings[encoding] = _read_words(words, encoding)
            text = readings[encoding]
            if text is None:
                continue
            score = (language.judge(text) + _PRIOR.get(encoding, -1.0 * place)) / max(1, n)
            if encoding not in best or score > best[encoding].score:
                best[encoding] = Candidate(encoding=encoding, language=language.name, score=round(score, 4))
    different: dict[tuple[str, ...] | None, Candidate] = {}
    for found in sorted(best.values(), key=lambda found: -found.score):
        different.setdefault(readings[found.encoding], found)
    return list(different.values())


def _read_words(words: tuple[bytes, ...], encoding: str) -> tuple[str, ...] | None:
    try:
        return tuple(decode(word, encoding) for word in words)
    except UnicodeDecodeError:
        return None


def _by_statistics(raw: bytes) -> list[Candidate]:
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:_LOOK]).best()
    if best is None or not _decodes(raw, best.encoding):
        return []
    return [Candidate(encoding=best.encoding, language=best.language.lower())]


def _misshaped(word: str) -> float:
    """What a word loses by capitals inside it or letters of two alphabets."""
    loss = 0.0
    if not (word.islower() or word.isupper() or word[1:].islower()) and word.lower() != word.upper():
        loss += _BROKEN
    if len({_alphabet(char) for char in word}) > 1:
        loss += _BROKEN
    if not word.isascii() and word.lower() != word.upper():
        if len(word) == 1:  # a letter by itself is rarer than a sign
            loss += _BROKEN / 2
        elif word.isupper():
            loss -= 1.5
    return loss


def _alphabet(char: str) -> str:
    for name, last in (("latin", "\u024f"), ("greek", "\u03ff"), ("cyrillic", "\u052f")):
        if char <= last:
            return name
    return "other"


@cache
def _languages() -> tuple[_Language, ...]:
    found = []
    for name, entry in tomllib.loads(_LANGUAGES.read_text("utf-8")).items():
        letters = list(dict.fromkeys(entry["letters"].replace("\n", "")))
        share = entry.get("share", 0.97)
        standard = _standard(entry.get("standard", "")) - set(letters)
        # Frequencies fall with the rank of a letter, slowly among thousands of characters.
        weights = [1 / (rank + (8 if len(letters) > 100 else 3)) for rank in range(len(letters))]
        total = sum(weights)
        # Of an alphabet only the letters outside ASCII are here: a word has one or two of them.
        likelihood = {c: log(share * w / total) for c, w in zip(letters, weights, strict=True)}
        if not standard:
            likelihood = {c: value + log(0.3 if len(letters) < 25 else 0.95) for c, value in likelihood.items()}
        rest = log((1 - share) / len(standard)) if standard else _OTHER
        found.append(_Language(name, tuple(entry["encodings"]), likelihood, standard, rest))
    return tuple(found)


@cache
def _standard(name: str) -> frozenset[str]:
    """The common characters of a national set, by the rows that its first level fills."""
    rows = {"gb2312": ("gb2312", 0xB0, 0xD7), "jis": ("euc_jp", 0xB0, 0xCF), "ksx1001": ("euc_kr", 0xB0, 0xC8),
            "big5": ("big5", 0xA4, 0xC6)}  # fmt: skip
    if name not in rows:
        return frozenset()
    encoding, first, last = rows[name]
    low = range(0x40, 0x7F) if name == "big5" else range(0)
    pairs = [bytes((row, cell)) for row in range(first, last + 1) for cell in (*low, *range(0xA1, 0xFF))]
    return frozenset("".join(pair.decode(encoding, "ignore") for pair in pairs))


def _decodes(raw: bytes, encoding: str) -> bool:
    """Whether the bytes are whole text in this encoding, looked at piece by piece."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(raw), 2**20):
            decoder.decode(raw[start : start + 2**20])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
