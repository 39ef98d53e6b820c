"""What an option may be called: its text, its short form, other spellings and common other words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from earmark.scoring.parsers.text import plain
from earmark.scoring.question import shown

_OTHER_WORDS = {
    "male": (
        "man, men, males, boy, boys, guy, guys, gentleman, masculine, 男, 男性, 男人, "
        "男の人, 男声, hombre, masculino, varón"
    ),
    "female": (
        "woman, women, females, girl, girls, lady, ladies, feminine, 女, 女性, 女人, "
        "女の人, 女声, mujer, femenino, femenina"
    ),
    "real": (
        "genuine, authentic, bona fide, bonafide, real speech, human speech, "
        "natural speech, 真实, 真实的, 真的, 真人, 本物, verdadero, auténtico, auténtica"
    ),
    "fake": (
        "spoofed, spoof, synthetic, synthesized, synthesised, forged, "
        "manipulated, deepfake, deep fake, deepfaked, ai-generated, "
        "ai generated, machine-generated, machine generated, artificial, "
        "tampered, doctored, faked, 伪造, 伪造的, 假的, 虚假, 合成, 偽物, 偽造, フェイク, falso, "
        "falsa, falsificado, sintético, sintética"
    ),
    "angry": (
        "anger, angrily, furious, mad, 生气, 愤怒, 怒り, 怒って, enojado, enojada, enfadado, enfadada, ira"
    ),
    "happy": "happiness, joyful, joy, cheerful, 高兴, 快乐, 开心, 嬉しい, 幸せ, feliz, alegre",
    "sad": "sadness, sorrow, sorrowful, 悲伤, 难过, 伤心, 悲しい, 悲しみ, triste, tristeza",
    "fearful": (
        "fear, afraid, scared, frightened, 害怕, 恐惧, 恐れ, 怖い, miedo, asustado, asustada, temeroso"
    ),
    "monotone": "neutral, flat, monotonous, 中性, 平静, 单调, 平淡, 無感情, monótono, monótona",
    "neutral": "monotone, flat, 中性, 平静",
    "mid career": "middle-aged, middle aged",
    "elderly": "old person, very old",
    "hiphop": "hip hop, hip-hop, rap, 嘻哈, ヒップホップ",
    "classical": "classic music, 古典, 古典音乐, クラシック, clásica, música clásica",
    "jazz": "爵士, 爵士乐, ジャズ",
    "rock": "rock music, rock and roll, rock 'n' roll, 摇滚, 摇滚乐, ロック",
    "blues": "布鲁斯, 蓝调, ブルース",
    "pop": "pop music, 流行, 流行音乐, ポップ, ポップス",
    "country": "country music, 乡村, 乡村音乐, カントリー",
    "metal": "heavy metal, 金属, 金属乐, メタル",
    "reggae": "雷鬼, レゲエ",
    "disco": "迪斯科, ディスコ",
    "metro station": "subway station, underground station, metro stop, 地铁站, 地下鉄の駅",
    "metro": "subway, metro train, subway train, underground train, 地铁, 地下鉄",
    "shopping mall": "mall, shopping center, shopping centre, 购物中心, centro comercial",
    "public square": "square, plaza, town square, 广场, 広場",
    "street pedestrian": "pedestrian street, pedestrian zone, 步行街",
    "street traffic": ("traffic street, busy street, busy road, street with traffic, road traffic"),
    "tram": "streetcar, trolley, 有轨电车, tranvía",
    "airport": "airport terminal, 机场, 空港, aeropuerto",
    "bus": "公交车, 巴士, バス, autobús",
    "park": "urban park, 公园, 公園, parque",
    "vacuum cleaner": "vacuum, hoover, vacuum cleaning, vacuuming",
    "alarm bell ringing": "alarm, alarm bell, bell ringing, ringing bell",
    "running water": "water running, water, flowing water, tap water",
    "electric shaver toothbrush": "electric shaver, shaver, electric toothbrush, toothbrush, razor",
    "dog": "dog barking, barking, dog bark, dogs",
    "cat": "cat meowing, meowing, meow, cats",
    "speech": "talking, people talking, spoken words, speaking voice",
    "dishes": "clattering dishes, plates, dishes clattering",
    "frying": "frying food, sizzling, frying pan",
    "blender": "mixer, blending",
    "yes": "yeah, yep, yes it is, 是的, はい, sí",
    "no": "nope, 不是, いいえ",
    "true": "correct statement",
}
"""Common other words of short options, in English and, where models slip into them, other languages."""

# fmt: off
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int) -> str:
    """Return a number from 0 to 99 as English words."""
    if number < 20:
        return _UNITS[number]
    tens, unit = _TENS[number // 10 - 2], number % 10
    return f"{tens}-{_UNITS[unit]}" if unit else tens


def spellings(option: str, short: bool) -> list[str]:
    """Return what an option may be called; ``short`` adds its head, without the gloss, and its brackets."""
    text = plain(shown(option))
    names = [text]
    if short:
        names += [plain(re.split(r"\s*[(:;,]|\s+-\s+", text)[0]), *re.findall(r"\(([^()]+)\)", text)]
    for name in list(names):
        names += _OTHER_WORDS.get(name.casefold(), "").split(", ")
    return list(dict.fromkeys(name for each in names for name in _variants(each) if name))


def _variants(name: str) -> Iterator[str]:
    """Yield a name as it is, its number as a word or a digit."""
    yield name
    found = re.fullmatch(r"(\d{1,2})(\s.+)?", name)
    if found:
        yield in_words(int(found[1])) + (found[2] or "")
