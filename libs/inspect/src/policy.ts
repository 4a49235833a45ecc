import { type FindingAction, type FindingKind, findingActions, findingKinds } from "./finding.ts";

/**
 * What to do about each kind. Where a kind is named twice the stricter action holds; a kind that is not named
 * keeps the action of `defaultPolicy`, so that an empty policy is never an open door.
 */
export type Policy = {
  readonly rules: readonly { readonly kind: FindingKind; readonly action: FindingAction }[];
  readonly version: number;
};

/**
 * People paste cards and keys into texts by mistake: those are redacted and the request goes on. Contact data is
 * what a support desk works with: it is reported and raises the classification, and stays. Nothing blocks.
 */
export const defaultPolicy: Policy = {
  rules: [
    { kind: "api_key", action: "redact" },
    { kind: "card", action: "redact" },
    { kind: "iban", action: "redact" },
    { kind: "ssn", action: "redact" },
    { kind: "email", action: "allow" },
    { kind: "phone", action: "allow" },
    { kind: "ip", action: "allow" },
  ],
  version: 0,
};

export type ActionTable = Readonly<Record<FindingKind, FindingAction>>;

const tables = new WeakMap<Policy, ActionTable>();

/** The action for each kind; made once per policy object. */
export function actionTable(policy: Policy): ActionTable {
  const known = tables.get(policy);
  if (known) return known;
  const table = {
    api_key: actionFor("api_key", policy),
    card: actionFor("card", policy),
    iban: actionFor("iban", policy),
    ssn: actionFor("ssn", policy),
    email: actionFor("email", policy),
    phone: actionFor("phone", policy),
    ip: actionFor("ip", policy),
  };
  tables.set(policy, table);
  return table;
}

/** -1, 0 or 1 as `left` is weaker than, equal to or stricter than `right`. */
export function compareActions(left: FindingAction, right: FindingAction): number {
  return Math.sign(findingActions.indexOf(left) - findingActions.indexOf(right));
}

/** -1, 0 or 1: which kind names a span that both claim; 1 when `left` does. */
export function compareKinds(left: FindingKind, right: FindingKind): number {
  return Math.sign(findingKinds.indexOf(right) - findingKinds.indexOf(left));
}

function actionFor(kind: FindingKind, policy: Policy): FindingAction {
  const named = policy.rules.filter((rule) => rule.kind === kind);
  const rules = named.length > 0 ? named : defaultPolicy.rules.filter((rule) => rule.kind === kind);
  return rules.reduce<FindingAction>((strictest, rule) => {
    return compareActions(rule.action, strictest) > 0 ? rule.action : strictest;
  }, "allow");
}
