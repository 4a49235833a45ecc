/** A text as one token of a subject: what NATS gives a meaning (`.`, `*`, `>`, white space) becomes `_`. */
export function subjectToken(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 128) || "_";
}

/** `evt.<tenant>.<publisher>.<type…>.<key>` */
export function eventSubject(tenant: string, publisher: string, type: string, key: string): string {
  return `evt.${subjectToken(tenant)}.${subjectToken(publisher)}.${type}.${subjectToken(key)}`;
}

/** Tenant and publisher of an event's subject. The account boundary stamps them, so they can be believed. */
export function readEventSubject(subject: string): { tenant: string; publisher: string } | undefined {
  const [root, tenant, publisher, ...rest] = subject.split(".");
  if (root !== "evt" || !tenant || !publisher || rest.length < 2) return undefined;
  return { tenant, publisher };
}
