"""What addresses look like: words for streets in the languages of Europe, the Americas and Asia, and house numbers.

A word before the name (rue, ul., Jalan), after it (street, utca, iela), at its end (-straße, -gatan) or, in Chinese,
Japanese and Korean, after every part of an address.
"""

from __future__ import annotations

from udb_pipelines.profiling.semantics.letters import CAPITAL, CASED, CASELESS, EAST, EASTERN, LETTERS

_AFTER_ENGLISH = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|drives|court|ct|courts|"
    "place|pl|square|sq|terrace|parkway|pkwy|highway|hwy|way|ways|circle|cir|trail|row|alley|"
    "crescent|close|walk|walks|gardens?|grove|groves|mews|quay|annex|arcade|bridge|brooks?|"
    "burgs?|bypass|camp|canyon|cape|causeway|centers?|circles|cliffs?|club|common|corners?|course|"
    "coves?|creek|crest|crossing|crossroad|curve|dale|dam|divide|estates?|expressway|extensions?|"
    "falls?|ferry|fields?|flats?|fords?|forest|forges?|forks?|fort|freeway|gateway|glens?|greens?|"
    "harbors?|haven|heights|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|"
    "land|landing|lights?|loaf|locks?|lodge|loop|mall|manors?|meadows?|mills?|mission|motorway|"
    "mount|mountains?|neck|orchard|oval|overpass|parks?|pass|passage|path|pike|pines?|plains?|"
    "plaza|points?|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river|roads|route|rue|"
    "run|shoals?|shores?|skyway|springs?|spurs?|squares|station|stravenue|stream|streets|summit|"
    "throughway|trace|track|trafficway|tunnel|turnpike|underpass|unions?|valleys?|via|viaduct|"
    "views?|villages?|ville|vista|wall|wells?|"
    "esplanade|parade|promenade|rise|strand|wharf|croft|embankment|hill|vale|"
    "marg|nagar|chowk|ganj|gali|colony|vihar|sarani|bazaar|enclave|layout|salai|zila"
)  # fmt: skip
"""Words at the end of English street names (United States Postal Service, Royal Mail), and of Indian ones."""
_BEFORE = (
    r"rue|avenue|av\.?|boulevard|bd\.?|boul\.?|chemin|impasse|allée|quai|place|cours|route|sentier|ruelle|montée|rang|chaussée|clos|drève|"
    r"calle|c/|avenida|avda\.?|paseo|plaza|camino|rambla|ronda|glorieta|cuesta|pasaje|vial|urbanización|callejón|"
    r"acceso|alameda|cañada|calzada|privada|cerrada|prolongación|circunvalación|circuito|andador|eje vial|eje|diagonal|"
    r"peatonal|periférico|viaducto|retorno|carrera|cra\.?|kra\.?|cl\.?|transversal|autopista|carretera|ampliación|corredor|boulevar|"
    r"via|viale|v\.le|corso|c\.so|piazza|p\.za|vicolo|strada|borgo|contrada|canale|rotonda|incrocio|stretto|largo|salita|"
    r"rua|r\.|travessa|praça|praceta|estrada|rodovia|ladeira|pátio|loteamento|viela|viaduto|condomínio|quadra|jardim|"
    r"chácara|sítio|conjunto|residencial|recanto|colônia|vereda|calçada|beco|alameda|urbanização|quinta|azinhaga|"
    r"stradela|bulevardul|b-dul|bd-ul|aleea|intrarea|calea|piața|șoseaua|soseaua|drumul|splaiul|fundătura|str\.|"
    r"ul\.|ulica|aleja|al\.|plac|pl\.|os\.|osiedle|rondo|rr\.|nábřeží|náměstí|nám\.|námestie|třída|trg|obala|put|cesta|"
    r"jl\.?|jalan|gg\.?|gang|jln\.?|lorong|kampung|soi|đường|phố|ngõ|"
    r"ул\.?|улица|пр\.?|пр-т|просп\.?|проспект|пер\.?|переулок|ш\.?|шоссе|наб\.?|набережная|алл\.?|аллея|б-р|бул\.?|бульвар|"
    r"пл\.?|площадь|проезд|тупик|вул\.?|вулиця|пров\.?|провулок|площа|узвіз|набережна|булевард|площад|"
    r"οδός|οδ\.|λεωφόρος|λεωφ\.|λ\.|πλατεία|πλ\.|πάροδος|"
    r"شارع|طريق|רחוב|רח'|שדרות|ถนน|ซอย"
)
"""Words before the name."""
_GLUED = (
    "straße|strasse|str\\.|gasse|weg|allee|platz|[^p ]ring|damm|ufer|gässli|steig|stieg|markt|graben|"
    "straat|laan|plein|gracht|singel|kade|dijk|dreef|steeg|hof|lei|"
    "gatan|gata|gate|vägen|väg|torget|torg|stigen|gränd|backen|vej|vejen|gade|gaden|stræde|plads|veien|vegen|veg|vei|"
    "tunet|toppen|bakken|kroken|stien|haugen|hagen|svingen|løkka|løkken|åsen|jordet|stykket|lyngen|grenda|faret|"
    "katu|tie|kuja|polku|kaari|raitti|puistikko|rinne|"
    "ská|cká|ska|čka|ćka|ova|eva|gatvė|aleja"
)
"""At the end of the name."""
_AFTER = (
    "utca|u\\.|útja|út|tér|tere|körút|köz|sor|fasor|sétány|rakpart|dűlő|sokak|sokağı|sk\\.|sok\\.|caddesi|cad\\.|cd\\.|bulvarı|"
    "blv\\.|mahallesi|mah\\.|yolu|meydanı|iela|gatve|prospekts|bulvāris|laukums|ceļš|šoseja|g\\.|gatvė|pr\\.|prospektas|al\\.|alėja|plentas|"
    "tänav|tn\\.?|mnt\\.?|maantee|puiestee|pst\\.?|väljak|plats|põik|katu|cesta|ulica|trg|nábrežie|"
    "küçəsi|küç\\.|prospekti|xiyabanı|улица|ул\\.|бульвар|вулиця|переулок|проспект|шоссе"
)
"""After the name."""
_EAST = (
    rf".*[{EAST}0-9](路|街|巷|弄|大道|胡同|丁目|番地|番|町|村|号|號|区|區|로|길|동|구|가|거리)\s*[0-9A-Z〇-十０-９].*|"
    rf".*[0-9０-９]+(番地?|号|號|丁目|棟|楼|室|로|길|번지)?.*{EASTERN}{{2}}.*(路|街|町|区|區|市|道|号)"
)
EAST_STREET = (
    rf"{EASTERN}{{1,9}}(路|街|巷|弄|大道|胡同|里|대로|로|길)"
    rf"[{EAST}0-9０-９A-Za-z-]{{0,14}}(座|号|號|栋|棟|室|楼|樓|院|园|苑|[0-9０-９])"
)
"""A word for a street, and a house or a part of one, which need not have a number."""
_WORDS_BY_SCRIPT = (
    "ქუჩა|ქუჩის|ქ\\.|გამზირი|გამზ\\.|ჩიხი|შესახვევი|ხეივანი|փողոց|փող\\.|պողոտա|नगर|मार्ग|टोल|चोक|चौक|रोड|गली|पथ|"
    "রোড|সড়ক|লেন|خیابان|خ\\.|کوچه|بلوار|میدان|شارع|طريق|רחוב|שדרות|סמטת|ถนน|ซอย"
)
CASELESS_STREET = rf"(.*[\s,])?({_WORDS_BY_SCRIPT})[\s,.].*|.+[\s,]({_WORDS_BY_SCRIPT})"
"""A word for a street in a script without capitals, and another word or number beside it."""
ADDRESS_NAMED = rf".*[{LETTERS}]{{2}}.*[\s,].*[{LETTERS}]{{2}}.*|[{CASELESS}]{{4}}.*"
"""Two words, or some letters of a script that needs no spaces: enough of different values under a telling name."""
_NUMBER = (
    r"(n[.°ºr]?|nr\.?|no\.?|núm\.?|num\.?|д\.?|буд\.?|№|č\.|h\.?no\.?|#)?\s?"
    r"[0-9]{1,5}(\s?[A-Za-zА-Яа-яΑ-ω])?([/-][0-9]{1,4}[A-Za-z]?)?"
)
_DETAILS = rf"([\s,]+([{CASED}]{{1,10}}\.?\s?)?[0-9]{{1,5}}[A-Za-z]?){{0,5}}"
"""Block, floor, flat: short words and numbers."""
_REST = (
    r"(\.?[\s,;]*|\.?\s*[,;#\n].*|"
    r"\.?\s+(n|s|e|w|ne|nw|se|sw|north|south|east|west|ap|fl|floor|[a-z.]{0,9}\s?#?[0-9]).*)"
)
"""After a word for a street: nothing, a direction, or where in the house."""
_CROSSING = r"[0-9]+[a-z]{0,2}\s?(#|no?\.?|n°|con|-).*[0-9].*"
"""Streets that have numbers: Carrera 7 # 12-34."""
_UNIT = r"(?i:flat|studio|apartment|apt\.?|suite|unit|level|shop|lot|h\.no\.)"
_CAPITALISED = rf"{CAPITAL}[{CASED}'’.-]*"

STREET = (
    rf"(?i)[0-9]+[a-z]?([-/][0-9]+)?,?\s[{LETTERS}0-9.' -]*(\b|\s)({_AFTER_ENGLISH})\b{_REST}|"
    rf"{_UNIT}\s[0-9]+[a-z]?[\s,]+.*\b({_AFTER_ENGLISH})\b{_REST}|"
    rf"({_BEFORE})\s+(\S*[{LETTERS}]{{2}}.*[0-9].*|{_CROSSING})|[0-9]+[a-z]?,?\s+(bis\s+)?({_BEFORE})\s.*|"
    rf".*([{CASED}]{{2}}({_GLUED})|\s({_AFTER})),?\s*[0-9].*|"
    rf"[0-9]+[a-z]?,?\s+[{CASED}' .-]*({_GLUED})|"
    rf"(p\.? ?o\.? box|postfach|apartado|boîte postale) [0-9]+.*|{_EAST}"
)
"""A word for a street and a number."""
HOUSE = (
    rf"[{LETTERS}][{LETTERS}.'’ -]*,?\s({_NUMBER}){_DETAILS}|"
    rf"({_UNIT}\s[0-9/-]+,?\s)?[0-9]{{1,5}}([/-][0-9]{{1,5}})?,?\s{_CAPITALISED}(\s{_CAPITALISED}){{0,3}}(,?\s{_UNIT}\s[0-9]+)?|"
    rf"(?i:{_BEFORE})\s+{_CAPITALISED}(\s{_CAPITALISED}){{0,3}}"
)
"""A name and a house number, in either order, or a name after a word for a street: an address where some of the names
are those of streets."""
ADDRESS_LOOSE = rf".*[{LETTERS}]{{2}}.*[0-9].*|.*[0-9].*[{LETTERS}]{{2}}.*|(?i:{_BEFORE})\s+\S.*"
