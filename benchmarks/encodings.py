"""Texts in many languages and the encodings they are found in."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS: dict[str, tuple[tuple[str, ...], str]] = {
    "German": (
        ("cp1252", "iso8859-15", "cp850", "mac-roman"),
        "Straße Größe Müller für über schön Käse Öffnung Übung "
        "weiß Fuß Mädchen Bäcker Köln München Jahr Kunde Preis",
    ),
    "French": (
        ("cp1252", "iso8859-1", "cp850"),
        "été déjà français garçon où être naïve Noël élève "
        "première façon hôtel château prix rue client année numéro",
    ),
    "Spanish": (
        ("cp1252", "iso8859-1"),
        "niño año señor mañana corazón teléfono dirección número "
        "país también España canción precio cliente calle ciudad",
    ),
    "Polish": (
        ("cp1250", "iso8859-2"),
        "Łódź Kraków żółć świat Gdańsk chrząszcz źrebię pięć będzie "
        "dąb ulica klient cena miasto łąka środa wtorek",
    ),
    "Czech": (
        ("cp1250", "iso8859-2"),
        "příliš žluťoučký kůň úpěl ďábelské ódy město ulice zákazník "
        "cena neděle čtvrtek říjen dům děti více účet",
    ),
    "Hungarian": (
        ("cp1250", "iso8859-2"),
        "árvíztűrő tükörfúrógép város utca ügyfél ár hétfő szerda "
        "csütörtök péntek szombat vasárnap megye ház könyv",
    ),
    "Russian": (
        ("cp1251", "koi8-r", "cp866", "iso8859-5"),
        "Москва улица дом книга река город хлеб снег зима лето "
        "весна осень клиент цена номер адрес телефон имя работа время",
    ),
    "Ukrainian": (
        ("cp1251", "koi8-u"),
        "Київ вулиця будинок книга річка місто хліб сніг зима "
        "літо ціна клієнт їжак ґанок є інший з'їзд адреса",
    ),
    "Bulgarian": (
        ("cp1251",),
        "София улица град книга река хляб сняг зима лято пролет "
        "есен цена клиент номер адрес телефон име работа ъгъл",
    ),
    "Greek": (
        ("cp1253", "iso8859-7"),
        "Αθήνα Ελλάδα όνομα πόλη διεύθυνση τηλέφωνο τιμή πελάτης "
        "δρόμος ημέρα μήνας χρόνος νερό ψωμί σπίτι βιβλίο",
    ),
    "Turkish": (
        ("cp1254", "iso8859-9"),
        "İstanbul şehir sokak müşteri fiyat çocuk güneş ığdır öğrenci "
        "yağmur kış bahçe ağaç ışık değil için şeker",
    ),
    "Hebrew": (
        ("cp1255",),
        "שלום ירושלים רחוב לקוח מחיר עיר ספר בית "
        "יום לילה מים לחם טלפון כתובת שם מספר",
    ),
    "Arabic": (
        ("cp1256", "iso8859-6"),
        "القاهرة شارع مدينة عميل سعر كتاب بيت يوم "
        "ليلة ماء خبز هاتف عنوان اسم رقم العربية",
    ),
    "Thai": (
        ("cp874",),
        "กรุงเทพ ถนน เมือง ลูกค้า ราคา หนังสือ บ้าน วัน "
        "กลางคืน น้ำ ขนมปัง โทรศัพท์ ที่อยู่ ชื่อ เลขที่",
    ),
    "Japanese": (
        ("shift_jis", "euc-jp", "iso2022_jp"),
        "東京 大阪市 日本語 カタカナ ひらがな 会社 電話番号 "
        "住所 名前 こんにちは 価格 商品 お客様 年月日",
    ),
    "Chinese": (
        ("gb18030", "gbk"),
        "北京 上海市 中文 公司名称 电话 地址 姓名 "
        "你好 客户 价格 产品 年月日 城市 街道",
    ),
    "Chinese (traditional)": (
        ("big5",),
        "台北 高雄市 中文 公司名稱 電話 地址 姓名 "
        "你好 客戶 價格 產品 年月日 城市 街道",
    ),
    "Korean": (
        ("euc-kr", "cp949"),
        "서울 부산 한국어 회사 전화번호 주소 이름 "
        "안녕하세요 고객 가격 상품 도시 거리 날짜",
    ),
    "English": (
        ("ascii", "utf-16", "utf-32"),
        "street town client price book house day "
        "night water bread phone address name number",
    ),
    "Mixed": (
        ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"),
        "Straße été Łódź Москва Αθήνα "
        "東京 서울 niño price name",
    ),
}  # fmt: skip
SIZES = {"short (8 rows)": 8, "medium (60 rows)": 60, "long (1,500 rows)": 1500}


def texts(seed: int = 1) -> Iterator[tuple[str, str, str]]:
    """Encoding, size and text of each: a table of words and numbers."""
    rng = random.Random(seed)
    for codecs, words in WORDS.values():
        stock = words.split()
        for codec in codecs:
            for size, rows in SIZES.items():
                lines = ["id,name,remark,price"]
                for row in range(rows):
                    remark = " ".join(rng.choices(stock, k=rng.randint(2, 6)))
                    lines.append(f"{row + 1},{rng.choice(stock)},{remark},{rng.uniform(1, 900):.2f}")
                yield codec, size, "\n".join(lines) + "\n"
