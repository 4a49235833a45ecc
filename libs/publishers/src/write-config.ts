// Pieces of nats-server's configuration language.

/** What a client of NATS may say and hear. */
export type Permissions = {
  readonly publish: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
};

export function renderPermissions({ publish, subscribe }: Permissions): string {
  const deny = publish.deny.length > 0 ? `, deny: ${quoted(publish.deny)}` : "";
  return `{ publish: { allow: ${quoted(publish.allow)}${deny} }, subscribe: { allow: ${quoted(subscribe.allow)} } }`;
}

/** A list of what is rendered already; several stand on a line each. */
export function list(items: readonly string[]): string {
  if (items.length < 2) return `[${items.join("")}]`;
  return `[\n${items.map((item) => `    ${item}`).join("\n")}\n  ]`;
}

/** Quoted, so that `$` and digits stay text. */
export function quote(text: string): string {
  if (/["\\\n]/.test(text)) throw new Error(`${JSON.stringify(text)} cannot stand in nats-server.conf`);
  return `"${text}"`;
}

function quoted(subjects: readonly string[]): string {
  return `[${subjects.map(quote).join(", ")}]`;
}
