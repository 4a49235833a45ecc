// Envoy's x-forwarded-client-cert: elements of the hops, joined by commas, the last one written by the proxy that is
// nearest to us; each a list of key=value, joined by semicolons; values in quotes where they hold either.

/** What one hop says of the certificate it was shown. */
export type ForwardedElement = {
  /** SHA-256 in hex. */
  readonly hash: string;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
};

const MAX_CHARS = 8 * 1024;
const MAX_ELEMENTS = 10;
const HASH = /^[0-9a-f]{64}$/;
const PAIR = /(By|Hash|Cert|Chain|Subject|URI|DNS)=("(?:[^"\\]|\\.)*"|[^",;]*)(?=([,;]|$))/y;

/** The elements of the header, or undefined: it is not written as Envoy writes it. */
export function readForwarded(text: string): ForwardedElement[] | undefined {
  if (text === "" || text.length > MAX_CHARS) return undefined;
  const elements: ForwardedElement[] = [];
  let pairs: [string, string][] = [];
  for (let at = 0; at <= text.length; ) {
    PAIR.lastIndex = at;
    const [pair, key = "", value = "", end = ""] = PAIR.exec(text) ?? [];
    if (pair === undefined) return undefined;
    pairs.push([key, unquoted(value)]);
    at += pair.length + 1;
    if (end === ";") continue;
    const element = elementOf(pairs);
    if (!element || elements.length >= MAX_ELEMENTS) return undefined;
    elements.push(element);
    pairs = [];
    if (end === "") return elements;
  }
  return undefined;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

function elementOf(pairs: readonly [string, string][]): ForwardedElement | undefined {
  const valuesOf = (key: string) =>
    pairs.filter(([name, value]) => name === key && value !== "").map(([, value]) => value);
  const [hash = "", ...more] = valuesOf("Hash");
  if (!HASH.test(hash) || more.length > 0) return undefined;
  return { hash, uris: valuesOf("URI"), dnsNames: valuesOf("DNS") };
}
