/** What a recogniser can find, strongest claim first: where two overlap, the earlier kind names the span. */
export const findingKinds = ["api_key", "card", "iban", "ssn", "email", "phone", "ip"] as const;
export type FindingKind = (typeof findingKinds)[number];

/** What a policy does about a kind, weakest first. */
export const findingActions = ["allow", "redact", "block"] as const;
export type FindingAction = (typeof findingActions)[number];

/** How sensitive something is, least first. */
export const classifications = ["public", "internal", "confidential", "secret"] as const;
export type Classification = (typeof classifications)[number];

/** Half open, in UTF-16 code units: `text.slice(start, end)` is what was found. */
export type Span = { readonly start: number; readonly end: number };

export type Finding = Span & { readonly kind: FindingKind; readonly action: FindingAction };

/** A recogniser returns spans in order, without overlaps, in time linear in the text. */
export type Recogniser = (text: string) => readonly Span[];

const classificationOfKind: Readonly<Record<FindingKind, Classification>> = {
  api_key: "secret",
  card: "confidential",
  iban: "confidential",
  ssn: "confidential",
  email: "internal",
  phone: "internal",
  ip: "internal",
};

/** The highest classification of the findings; `public` where there are none. */
export function classify(findings: readonly Finding[]): Classification {
  return findings.reduce<Classification>((highest, finding) => {
    return highestOf(highest, classificationOfKind[finding.kind]);
  }, "public");
}

/** The more sensitive of two classifications. */
export function highestOf(left: Classification, right: Classification): Classification {
  return classifications.indexOf(left) >= classifications.indexOf(right) ? left : right;
}
