import { canonicalJson, sha256Hex } from "@agentmesh/ids";

export type Labels = Readonly<Record<string, string>>;

const MAX_VALUE_CHARS = 128;

/** Label values come from events; what is longer is cut, so that no event makes an index row too large. */
export function clipLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, value.slice(0, MAX_VALUE_CHARS)]));
}

/** Equal labels, equal key, in whatever order they stand. */
export function labelsKey(labels: Labels): string {
  return sha256Hex(canonicalJson(labels)).slice(0, 32);
}

export function pick(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
}

export function matches(labels: Labels, where: Labels): boolean {
  return Object.entries(where).every(([name, value]) => labels[name] === value);
}
