// 1 000 roles of 50 permissions each, under a network, hours and an environment; callers with three of them, and questions. The
// same for all subjects: the draws repeat.

export const roleCount = 1_000;
const scopesOfRole = 50;
const callerCount = 200;
const questionsOfCaller = 50;
const permissions = ["agent:execute", "agent:read", "agent:create"];

/** Wednesday noon. */
export const atMs = Date.parse("2026-11-18T12:00:00Z");

let state = 20261120;
function below(end) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}

/** Of the fifty, one in ten is a prefix. */
function scopeOf(role, index) {
  const permission = permissions[index % permissions.length];
  return index % 10 === 9 ? `${permission} on agent/p${role}-${index}*` : `${permission} on agent/r${role}-${index}`;
}

export const roles = Array.from({ length: roleCount }, (_, role) => ({
  name: `role${role}`,
  permissions: Array.from({ length: scopesOfRole }, (_, index) => scopeOf(role, index)),
  constraints: {
    hours: { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00", timeZone: "UTC" },
    networks: [`10.${role % 256}.0.0/16`, "192.168.0.0/16"],
    environments: ["production", "staging"],
  },
}));

export const callers = Array.from({ length: callerCount }, () => [0, 1, 2].map(() => `role${below(roleCount)}`));

/** Half of them on what the last of the caller's roles names, from a network of it; a quarter of those by a prefix. */
export const questions = callers.flatMap((held, caller) =>
  Array.from({ length: questionsOfCaller }, (_, index) => {
    const role = Number(held[2].slice(4));
    const scope = below(scopesOfRole);
    const [permission, limit] = scopeOf(role, scope).split(" on ");
    const isMeant = index % 2 === 0;
    return {
      caller,
      held,
      permission,
      resource: isMeant ? limit.replace("*", `-${index}`) : `agent/other-${index}`,
      address: isMeant ? `10.${role % 256}.${below(256)}.${below(256)}` : `11.${below(256)}.1.1`,
      environment: "production",
    };
  }),
);

/** Half were meant to be allowed, and are. */
export const allowedCount = questions.length / 2;

const batchSize = 100;

/** The median over batches of the mean time of a decision. `decide` answers whether it is allowed. */
export function measureDecisions(decide, rounds, isChecked = true) {
  const batchesUs = [];
  for (let round = 0; round <= rounds; round += 1) {
    let allowed = 0;
    for (let from = 0; from < questions.length; from += batchSize) {
      const startedAtMs = performance.now();
      for (let index = from; index < from + batchSize; index += 1) if (decide(questions[index])) allowed += 1;
      // The first round warms up.
      if (round > 0) batchesUs.push(((performance.now() - startedAtMs) * 1000) / batchSize);
    }
    if (isChecked && allowed !== allowedCount) throw new Error(`${allowed} allowed, not ${allowedCount}`);
  }
  batchesUs.sort((a, b) => a - b);
  console.log(JSON.stringify({ decisionUs: batchesUs[Math.floor(batchesUs.length / 2)] }));
}
