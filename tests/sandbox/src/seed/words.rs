//! The words that invented people, companies and notes are made of.

/// First names, with the spelling used in addresses.
pub(super) const FIRST_NAMES: [(&str, &str); 40] = [
    ("Amina", "amina"),
    ("Aoife", "aoife"),
    ("Beatriz", "beatriz"),
    ("Björn", "bjorn"),
    ("Chiara", "chiara"),
    ("Chloé", "chloe"),
    ("Daniel", "daniel"),
    ("Dmitri", "dmitri"),
    ("Elena", "elena"),
    ("Emeka", "emeka"),
    ("Fatima", "fatima"),
    ("Finn", "finn"),
    ("Grace", "grace"),
    ("Hana", "hana"),
    ("Henrik", "henrik"),
    ("Ingrid", "ingrid"),
    ("Ivan", "ivan"),
    ("José", "jose"),
    ("Kenji", "kenji"),
    ("Laura", "laura"),
    ("Liam", "liam"),
    ("Łukasz", "lukasz"),
    ("Maya", "maya"),
    ("Mei", "mei"),
    ("Noah", "noah"),
    ("Nora", "nora"),
    ("Olivia", "olivia"),
    ("Oscar", "oscar"),
    ("Priya", "priya"),
    ("Rafael", "rafael"),
    ("Renée", "renee"),
    ("Samuel", "samuel"),
    ("Sofia", "sofia"),
    ("Søren", "soren"),
    ("Tariq", "tariq"),
    ("Tom", "tom"),
    ("Victoria", "victoria"),
    ("Wei", "wei"),
    ("Yara", "yara"),
    ("Zoë", "zoe"),
];

/// Last names, with the spelling used in addresses.
pub(super) const LAST_NAMES: [(&str, &str); 40] = [
    ("Adeyemi", "adeyemi"),
    ("Almeida", "almeida"),
    ("Andersson", "andersson"),
    ("Bauer", "bauer"),
    ("Becker", "becker"),
    ("Brown", "brown"),
    ("Castillo", "castillo"),
    ("Chen", "chen"),
    ("D'Angelo", "dangelo"),
    ("Dubois", "dubois"),
    ("Eriksen", "eriksen"),
    ("Fischer", "fischer"),
    ("García", "garcia"),
    ("Haddad", "haddad"),
    ("Hansen", "hansen"),
    ("Ivanova", "ivanova"),
    ("Jensen", "jensen"),
    ("Kim", "kim"),
    ("Kowalski", "kowalski"),
    ("Laurent", "laurent"),
    ("Lindqvist", "lindqvist"),
    ("Martin", "martin"),
    ("Meyer", "meyer"),
    ("Müller", "mueller"),
    ("Nakamura", "nakamura"),
    ("Nguyễn", "nguyen"),
    ("O'Brien", "obrien"),
    ("Okafor", "okafor"),
    ("Papadopoulos", "papadopoulos"),
    ("Patel", "patel"),
    ("Rossi", "rossi"),
    ("Sato", "sato"),
    ("Schneider", "schneider"),
    ("Silva", "silva"),
    ("Smith", "smith"),
    ("Tanaka", "tanaka"),
    ("van der Berg", "vanderberg"),
    ("Vasquez", "vasquez"),
    ("Walsh", "walsh"),
    ("Yılmaz", "yilmaz"),
];

/// The first half of a company's name.
pub(super) const COMPANY_NAMES: [&str; 36] = [
    "Alder", "Amber", "Arbor", "Beacon", "Birch", "Bluefin", "Cedar", "Cobalt", "Copper",
    "Crescent", "Delta", "Ember", "Falcon", "Fjord", "Granite", "Harbor", "Hazel", "Indigo",
    "Juniper", "Kestrel", "Lantern", "Linden", "Maple", "Meridian", "Nimbus", "Oak", "Onyx",
    "Orchard", "Pioneer", "Quarry", "Raven", "Saffron", "Summit", "Tidal", "Verdant", "Willow",
];

/// The second half of a company's name.
pub(super) const COMPANY_KINDS: [&str; 18] = [
    "Analytics",
    "Biotech",
    "Capital",
    "Energy",
    "Foods",
    "Freight",
    "Health",
    "Insurance",
    "Labs",
    "Logistics",
    "Manufacturing",
    "Media",
    "Networks",
    "Partners",
    "Robotics",
    "Software",
    "Systems",
    "Textiles",
];

/// How a company is registered.
pub(super) const COMPANY_FORMS: [&str; 8] =
    ["", "", " Inc.", " GmbH", " Ltd", " AG", " S.A.", " & Co"];

/// Cities with their country and the two letters of it.
pub(super) const CITIES: [(&str, &str); 12] = [
    ("Amsterdam", "Netherlands"),
    ("Berlin", "Germany"),
    ("Boston", "United States"),
    ("Dublin", "Ireland"),
    ("København", "Denmark"),
    ("Lisboa", "Portugal"),
    ("London", "United Kingdom"),
    ("Paris", "France"),
    ("San Francisco", "United States"),
    ("São Paulo", "Brazil"),
    ("Tokyo", "Japan"),
    ("Zürich", "Switzerland"),
];

/// What people do.
pub(super) const TITLES: [&str; 12] = [
    "Chief Executive Officer",
    "Chief Financial Officer",
    "Head of Operations",
    "IT Director",
    "Procurement Manager",
    "Product Manager",
    "Sales Director",
    "VP Engineering",
    "VP Marketing",
    "Office Manager",
    "Data Analyst",
    "Head of R&D",
];

/// What they work in.
pub(super) const DEPARTMENTS: [&str; 7] =
    ["Finance", "Engineering", "Marketing", "Operations", "Procurement", "Sales", "Management"];

/// What an opportunity is about.
pub(super) const DEALS: [&str; 9] = [
    "Renewal",
    "Pilot",
    "Platform rollout",
    "Seat expansion",
    "Migration",
    "Support contract",
    "Training package",
    "New business",
    "Add-on \"Insights\"",
];

/// What a task is about.
pub(super) const SUBJECTS: [&str; 10] = [
    "Call",
    "Email",
    "Send Quote",
    "Send Letter",
    "Follow up on pricing",
    "Prepare demo",
    "Share the security questionnaire",
    "Schedule kick-off",
    "Review contract",
    "Ask for a reference",
];

/// Notes, some of them awkward.
pub(super) const NOTES: [&str; 8] = [
    "Met at the spring fair.\nWants a call next week.",
    "Prefers \"email\" over phone; don't call before 10:00.",
    "Budget approved – waits for legal.",
    "Line one\r\nLine two\r\n\tindented line three",
    "Größe und Preis geprüft, Rückmeldung bis Ende des Monats.",
    "値段について質問あり。来週返事。",
    "Moving to a new office 🎉, so keep it short.",
    "C:\\temp is not a place for contracts; use 100% shared folders.",
];
