import { describeError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import { compileRule, type Rule } from "./domain/rule.ts";
import { compileTarget, type SlaTarget } from "./domain/sla.ts";
import { type Declared, declared } from "./store/resources.ts";

type Compiled = { readonly rules: readonly Rule[]; readonly targets: readonly SlaTarget[] };

export type DeclaredReader = () => Promise<Compiled>;

/** Reads all rules and targets; each version is compiled once. */
export function declaredReader(db: Queryable, log: Logger): DeclaredReader {
  let known = new Map<string, Rule | SlaTarget | undefined>();

  function compile(row: Declared): Rule | SlaTarget | undefined {
    try {
      if (row.kind === "AlertRule") return compileRule(row.tenant, row.name, row.spec);
      return compileTarget(row.tenant, row.name, row.spec);
    } catch (error) {
      const { tenant, kind, name } = row;
      log.error(
        { tenant, kind, name, reason: describeError(error) },
        "not understood and not evaluated; apply it anew",
      );
      return undefined;
    }
  }

  return async () => {
    const next = new Map<string, Rule | SlaTarget | undefined>();
    for (const row of await declared(db, ["AlertRule", "SlaTarget"])) {
      const key = `${row.tenant}/${row.kind}/${row.name}@${row.version}`;
      next.set(key, known.has(key) ? known.get(key) : compile(row));
    }
    known = next;
    const all = [...next.values()].filter((each) => each !== undefined);
    return { rules: all.filter((each) => "threshold" in each), targets: all.filter((each) => "target" in each) };
  };
}
