// The words that decide whether two English questions are the same one. Text in other languages has none of them, so
// there every word counts and only spelling that means nothing (case, white space, punctuation) may differ.

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** Say nothing about what is asked. */
export const fillers = words(`a an the this that these those is are am be been being isn aren there it its please just
  also actually really kindly and so then any such which what who whom whose where when why how got would`);

/** Help to ask; at the end of a clause, or a second time, they are what is asked about. */
export const doing = words("do does did don doesn didn doing done");

/** What the words behind it are to the question; the word that stands for a group of equals is its value. */
export const relations: ReadonlyMap<string, string> = new Map(
  Object.entries({
    of: "of",
    in: "in",
    inside: "in",
    within: "in",
    at: "at",
    on: "on",
    for: "for",
    about: "about",
    regarding: "about",
    concerning: "about",
    with: "with",
    using: "with",
    via: "with",
    from: "from",
    to: "to",
    into: "to",
    onto: "to",
    towards: "to",
    through: "through",
    by: "by",
    than: "than",
    before: "before",
    after: "after",
    until: "until",
    till: "until",
    since: "since",
    during: "during",
    between: "between",
    among: "among",
    against: "against",
    without: "without",
    above: "above",
    below: "below",
    behind: "behind",
    near: "near",
    as: "as",
    per: "per",
    if: "if",
    unless: "unless",
    because: "because",
    while: "while",
    or: "or",
    but: "but",
    except: "except",
  }),
);

/** Relations that people use one for another. Of all others a difference is a different question. */
export const looseRelations: ReadonlySet<string> = new Set(["", ...words("of in at on for about with")]);

/** After these, `to` begins an infinitive and relates nothing. */
export const beforeInfinitive = words(`how way need needs needed want wants have has able like possible going try trying
  allowed supposed wish used order take takes time required ready`);

export const negations = words("not no never none nobody nothing nowhere neither nor without unable non hardly");

export const modalities: ReadonlyMap<string, string> = new Map(
  Object.entries({
    can: "ability",
    could: "ability",
    may: "ability",
    might: "ability",
    able: "ability",
    unable: "ability",
    possible: "ability",
    should: "advice",
    ought: "advice",
    must: "duty",
    will: "future",
    shall: "future",
    was: "past",
    were: "past",
    had: "past",
  }),
);

export const persons: ReadonlyMap<string, string> = new Map(
  [
    ["first", "i my mine myself we our ours"],
    ["first object", "me us"],
    ["second", "you your yours yourself"],
    ["he", "he his himself"],
    ["he object", "him"],
    ["she", "she hers herself"],
    ["she object", "her"],
    ["they", "they their theirs"],
    ["they object", "them"],
  ].flatMap(([person = "", list = ""]) => list.split(" ").map((word) => [word, person] as const)),
);

/** Only those that may be exchanged whatever is asked. The first of a row stands for all. */
export const synonyms = firstOf(`
  delete remove erase
  change modify alter
  buy purchase
  start begin
  show display
  fix repair
  price cost
  phone telephone
  photo picture
  vacation holiday
  enable activate
  disable deactivate
  center centre
  color colour
  license licence
  canceled cancelled
  maximum max
  minimum min
  need needed require required
  obtain get
  allowed permitted
  email mail
  television tv
  each every
  favorite favourite
  organization organisation
`);

/** Say how much of something, which of many or when: an answer without them answers something else. */
export const limiting =
  words(`all some each every both only else other another same first second third last next previous new old
  former current more less fewer most least best worst maximum minimum always sometimes often rarely too enough still
  already again yet today tomorrow yesterday tonight now later soon ago off out up down over under back away late early
  left right half double same own wrong right free monday tuesday wednesday thursday friday saturday sunday january
  february march april june july august september october november december`);

/** To say why two questions differ; they would be apart without it, for no word stands for its opposite. */
export const opposites =
  pairsOf(`on off|enable disable|increase decrease|highest lowest|high low|better worse|best worst|
  in out|maximum minimum|before after|open close|benefit drawback|buy sell|more less|oldest youngest|encrypt decrypt|gain lose|
  pass fail|first last|full empty|block unblock|incoming outgoing|mute unmute|left right|install uninstall|income expense|
  import export|win lose|won lost|always sometimes|up down|include exclude|valid invalid|legal illegal|available unavailable|
  welcome unwelcome|upgrade downgrade|start stop|start end|begin end|old new|hot cold|fast slow|cheap expensive|rise fall|
  internal external|public private|online offline|accept reject|approve reject|arrive depart|input output|send receive|
  lend borrow|push pull|true false|success failure|add remove|lock unlock|connect disconnect`);

export const numberWords: ReadonlyMap<string, string> = new Map(
  [
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
    "sixteen seventeen eighteen nineteen twenty",
  ]
    .join(" ")
    .split(" ")
    .flatMap((word, value) => (value === 1 ? [] : [[word, String(value)] as const])),
);

/** By what is written behind a number; the first of a row stands for all. */
export const units = firstOf(`
  kg kilogram kilograms kilo kilos
  g gram grams
  lb lbs pound pounds
  oz ounce ounces
  km kilometer kilometers kilometre kilometres
  m meter meters metre metres
  cm centimeter centimeters centimetre centimetres
  mm millimeter millimeters millimetre millimetres
  mile miles mi
  foot feet ft
  inch inches
  yard yards
  s sec secs second seconds
  min mins minute minutes
  h hr hrs hour hours
  day days
  week weeks
  month months
  year years yr yrs
  ms millisecond milliseconds
  kb kilobyte kilobytes
  mb megabyte megabytes
  gb gigabyte gigabytes
  tb terabyte terabytes
  l liter liters litre litres
  ml milliliter milliliters millilitre millilitres
  cup cups
  celsius c °c
  fahrenheit f °f
  degree degrees °
  percent %
  usd dollar dollars $ us$
  eur euro euros €
  gbp £
  yen jpy ¥
  yuan cny
  hectare hectares ha
  acre acres
  k thousand
  million millions mio
  billion billions bn
  am a.m
  pm p.m
  kwh
  kw
  w watt watts
  v volt volts
  a amp amps ampere
`);

export function isFunctionWord(lower: string): boolean {
  return (
    fillers.has(lower) || relations.has(lower) || persons.has(lower) || modalities.has(lower) || negations.has(lower)
  );
}

function firstOf(rows: string): ReadonlyMap<string, string> {
  const lists = rows
    .trim()
    .split("\n")
    .map((row) => row.trim().split(" "));
  return new Map(lists.flatMap((list) => list.map((word) => [word, list[0] ?? word] as const)));
}

function pairsOf(list: string): ReadonlySet<string> {
  const pairs = list.split("|").map((pair) => pair.trim().split(" "));
  return new Set(pairs.flatMap(([a = "", b = ""]) => [`${a} ${b}`, `${b} ${a}`]));
}
