"""What a column's name says about its values, in the languages of Europe and of some beyond.

A name is taken apart into words in lower case without accents, each between underscores; a pattern is an expression
over those. Patterns are written with their accents, which are taken off them in the same way. A word that means
something else in another language (cap, cp) counts only where it is the whole name, and not at all where the other is
as likely (eta, an age in Italian and a time of arrival).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

EMAIL = "_e_?mail_|_email|_mail_|_e_?posta?_|_correo_|_courriel_|_sahkoposti_|почта|_имейл_|メール|邮箱|이메일"
URL = "_(url|uri|link|website|homepage|href)_"
IP = "_ip_|_ipv[46]_|_ip_?addr"
CARD = "credit_?card|_card_(no|num|number)_|_pan_|_kreditkarte|_carte_bancaire_|_tarjeta_|_kartennummer_"
SSN = "_ssn_|social_sec|_social_|_tax_?id_|_sin_"
ACCOUNT = (
    "bank_acc|_acct_(no|num)|account_(no|nr|num|number)_|_kontonummer_|_kontonr_|_rekeningnummer_|_numero_de_cuenta_|"
    "_numero_conto_|_bankkonto_|_tilinumero_|_kontonummer_"
)
PASSPORT = "_passport|_reisepass|_pasaporte_|_passeport_|_passaporto?_|_paspoort|_paszport|_паспорт"
MRN = "_mrn_|medical_rec|_patient_(id|no|nr|num|number)_|_health_id_|_nhs_"
PHONE = (
    "phone|_tel_|_tel(no|nr)_|telefon|telefoon|telepon|_mobile?_|_mobil_?(no|nr)?_|_cell_|_cellulare_|_celular_|_movil_|"
    "_fax_|_handy_|_msisdn_|_gsm_|puhelin|_τηλ|τηλεφων|телефон|_тел_|電話|电话|手机|전화|_หมายเลขโทรศัพท์_|هاتف|טלפון"
)
POSTCODE = (
    "_zip|postal|_post_?code|_plz_|_postleitzahl_|_codigo_postal_|^_cap_$|_cep_|^_cp_$|_postnummer_|_postnr_|_postinumero_|"
    "_psc_|_iranyitoszam_|_kod_pocztowy_|_posta_kodu_|_postcode_|индекс|郵便番号|邮编|우편번호"
)
CURRENCY = "currency|_ccy_|_curr_|_waehrung_|_währung_|_devise_|_moneda_|_valuta_|_moeda_|_waluta_|_mena_|валюта"
COUNTRY = (
    "countr|_nation|_land_|_pays_|_pais_|_paese_|_kraj_|_maa_|_orszag_|_tara_|_ulke_|_zeme_|_krajina_|_drzava_|страна|"
    "_країна_|χωρα|国"
)
GENDER = (
    "_gender_|_sex_|_geschlecht_|_sexe_|_sexo_|_genero_|_sesso_|_genere_|_geslacht_|_kon_|_kjonn_|_kjønn_|_køn_|"
    "_sukupuoli_|_plec_|_płec_|_pohlavi_|_pohlavie_|_nem_|_cinsiyet_|_spol_|_пол_|_стать_|φυλο|性别|性別|성별"
)
ADDRESS = (
    "address|_addr|street|strasse|straße|_adress?en?_|_calle_|_rue_|_indirizzo_|_adres_|_ulica_|_ulice_|_utca_|"
    "_direccion_|_domicilio_|_endereco_|_morada_|_rua_|_straat_|_strada_|_gatuadress_|_gateadresse_|_vejnavn_|"
    "_katuosoite_|_osoite_|_lahiosoite_|_adresa_|_aadress_|_adrese_|_adresas_|_alamat_|_sokak_|_dia_chi_|διευθυνση|"
    "_οδος_|_адрес|_улица_|_вулиця_|住所|地址|주소|عنوان|כתובת"
)
_NAME_OF = (
    "first|last|full|given|family|sur|middle|maiden|patient|customer|employee|person|contact|client|user|member|guest|"
    "student|teacher|driver|owner|author|recipient|passenger|subscriber|beneficiary|insured|spouse|parent|child"
)
NAME = (
    rf"_({_NAME_OF})_?name_|_surname_|_forename_|_nachname_|_vorname_|_familienname_|_nom_|_prenom_|_apellidos?_|"
    "_nombres?_|_cognome_|_nominativo_|_nome_|_sobrenome_|_apelido_|_naam_|_voornaam_|_achternaam_|_navn_|_fornavn_|"
    "_etternavn_|_efternavn_|_fornamn_|_efternamn_|_namn_|_nimi_|_etunimi_|_sukunimi_|_eesnimi_|_perekonnanimi_|"
    "_imie_|_nazwisko_|_jmeno_|_prijmeni_|_meno_|_priezvisko_|_ime_|_prezime_|_priimek_|_nume_|_prenume_|_nev_|"
    "_vezeteknev_|_keresztnev_|_teljes_nev_|_isim_|_soyad_?i?ı?_|_adı_soyadı_|_ad_soyad_|_vardas_|_pavarde_|_vards_|"
    "_uzvards_|_nama_|_ho_ten_|_ονομα_|ονοματεπωνυμο|επωνυμο|_имя_|фамилия|_фио_|_име_|_імя_|прізвище|_піб_|"
    "姓名|氏名|名前|이름|성명|^_name_$"
)
LATITUDE = "_lat_|latitud|_breitengrad_|_latitudine_|_szerokosc_|широта"
LONGITUDE = "_lon_|_lng_|_long_|longitud|_laengengrad_|_längengrad_|_longitudine_|_dlugosc_|долгота"
AGE = "_age_|_alter_|_edad_|_idade_|_leeftijd_|_alder_|_ålder_|_wiek_|^_vek_$|^_yas_$|_возраст_|_вік_|年龄|年齢"
BIRTH = (
    "birth|_dob_|_born_|_geboren|_geburt|_naissance_|_nacimiento_|_nascita_|_bday_|_nascimento_|_geboorte|_fodsels|"
    "_fødsels|_fodelse|_syntyma|_urodzenia_|_narozeni_|_narodenia_|_rodjenja_|_rođenja_|_rojstva_|_szuletes|_nasterii_|"
    "_dogum_|рождени|народженн|γεννησ|出生|生年月日|생년월일"
)


def name_words(name: str) -> str:
    """A column's name as words in lower case and without accents, between underscores.

    >>> name_words("customerEMail"), name_words("Date of Birth"), name_words("IPAddress"), name_words("Código-Postal2")
    ('_customer_e_mail_', '_date_of_birth_', '_ip_address_', '_codigo_postal_2_')
    """
    plain = _plain(name)
    spaced = []
    # A run of capitals belongs together up to the one that begins the next word: IPAddress.
    for before, letter, after in zip(" " + plain, plain, plain[1:] + " ", strict=False):
        if letter.isupper() and (before.islower() or (before.isupper() and after.islower())):
            spaced.append(" ")
        spaced.append(letter)
    return "_" + "_".join(word.lower() for word in re.findall(r"[^\W\d_]+|\d+", "".join(spaced))) + "_"


def _plain(text: str) -> str:
    """A text without its accents, in composed form."""
    taken_apart = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in taken_apart if unicodedata.category(character) != "Mn")
    return unicodedata.normalize("NFC", bare)


def says(pattern: str, words: str) -> bool:
    """Whether a column's words, as :func:`name_words` makes them, agree with a pattern."""
    return bool(pattern) and _compiled(pattern).search(words) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_plain(pattern))
