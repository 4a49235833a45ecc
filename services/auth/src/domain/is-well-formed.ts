const TEXT = /[^<]+/y;
// The plain subset of XML that machines write: ASCII names, quoted values, nothing optional.
const TAG = /<(?:\/([\w:.-]+)\s*|([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?))>/y;
const LOOSE_AMPERSAND = /&(?!(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});)/i;
const NAME = /\s([\w:.-]+)\s*=/g;
const MAX_DEPTH = 64;

/**
 * Whether a document without declaration, comments and the like is well-formed and no deeper than any honest one. Parsers that
 * forgive what is not are where two of them read different things.
 */
export function isWellFormed(xml: string): boolean {
  if (LOOSE_AMPERSAND.test(xml)) return false;
  const open: string[] = [];
  let roots = 0;
  for (let at = 0; at < xml.length; ) {
    TEXT.lastIndex = at;
    const text = TEXT.exec(xml)?.[0];
    if (text !== undefined) {
      if (open.length === 0 && text.trim() !== "") return false;
      at += text.length;
      continue;
    }
    TAG.lastIndex = at;
    const [tag, closes, opens, attributes = "", isEmpty] = TAG.exec(xml) ?? [];
    if (tag === undefined) return false;
    at += tag.length;
    if (closes !== undefined) {
      if (open.pop() !== closes) return false;
      continue;
    }
    if (opens === undefined || hasTwins(attributes)) return false;
    if (open.length === 0 && ++roots > 1) return false;
    if (isEmpty === "") open.push(opens);
    if (open.length > MAX_DEPTH) return false;
  }
  return roots === 1 && open.length === 0;
}

function hasTwins(attributes: string): boolean {
  // A value in quotes may hold what looks like an attribute.
  const bare = attributes.replace(/"[^"]*"|'[^']*'/g, "");
  const names = [...bare.matchAll(NAME)].map(([, name]) => name);
  return new Set(names).size !== names.length;
}
