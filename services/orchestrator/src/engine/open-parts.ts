import type { Queryable } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import type { Loaded, Want } from "../domain/environment.ts";
import { isInFlight, type RunState, type StepState } from "../domain/run-state.ts";
import { isUndo } from "../domain/step-work.ts";
import { type OutputWindow, readOpenShards, readOutputs, readShards } from "../store/load-parts.ts";
import type { StoredRun } from "../store/run-rows.ts";

/** What is loaded of any run only when it is asked for. */
export type Asked = Extract<Want, { kind: "input" | "nested" }>;

type PartOf = Exclude<Want, Asked>;

/** A run that is loaded by parts: what is in memory of it, and more as the reducer asks for it. */
export type Parts = {
  run(): RunState;
  loaded(): Loaded;
  load(want: PartOf): Promise<void>;
};

/** undefined: all of the run is in memory. */
export function partsOf(
  context: Context,
  tx: Queryable,
  { head, state }: StoredRun,
  shardsOf?: string,
): Parts | undefined {
  if (!head.light) return undefined;
  if (shardsOf !== undefined) return openParts(context, tx, state, { isNew: true, shardsOf });
  return state.seq > 0 ? openParts(context, tx, state, { isNew: false, shardsOf: state.id }) : undefined;
}

type PartsOptions = {
  /** Nothing of it is stored yet, so that it lacks nothing but outputs of copied shards. */
  readonly isNew: boolean;
  /** The run whose rows hold the outputs of shards. */
  readonly shardsOf: string;
};

function openParts(context: Context, tx: Queryable, before: RunState, { isNew, shardsOf }: PartsOptions): Parts {
  const steps = new Map(before.steps);
  const outputs = new Map<string, OutputWindow>();
  const ranges = new Set<string>();
  let input: unknown;
  let hasScope = isNew;
  let hasUndoable = isNew;
  let hasOpen = isNew;
  const add = (found: ReadonlyMap<string, StepState>) => {
    for (const [key, step] of found) steps.set(key, step);
  };
  return {
    run: () => ({ ...before, input: hasScope && !isNew ? input : before.input, steps: new Map(steps) }),
    loaded: () => ({
      scope: hasScope,
      outputs(node, from, to) {
        const window = outputs.get(node);
        if (!window || from < window.from || to > window.to) return undefined;
        return window.outputs.slice(from - window.from, to - window.from + 1);
      },
      shards: (node, from, to) => isNew || ranges.has(rangeKey(node, from, to)),
      open: hasOpen,
      undoable: hasUndoable,
    }),
    async load(want) {
      switch (want.kind) {
        case "scope": {
          const scope = await context.scopes.load(tx, before.id, steps.values());
          input = scope.input;
          hasScope = true;
          for (const [node, output] of scope.outputs) {
            const head = steps.get(node);
            if (head) steps.set(node, { ...head, output });
          }
          return;
        }
        case "outputs": {
          const { node, from, to } = want;
          outputs.set(node, await widened(tx, shardsOf, node, { from, to }, outputs.get(node)));
          return;
        }
        case "shards": {
          const { node, from, to } = want;
          add(await readShards(tx, before.id, node, from, to));
          ranges.add(rangeKey(node, from, to));
          return;
        }
        case "open":
          add(await readOpenShards(tx, before.id));
          hasOpen = true;
          return;
        case "undoable":
          add(await context.undoOrder.next(tx, before.id, want.nodes, isUndoOnly(before)));
          hasUndoable = true;
          return;
        default:
          return want satisfies never;
      }
    },
  };
}

/** As it was stored, all of it that can be undone is settled; of a run that undoes, all that is not is loaded. */
function isUndoOnly({ phase, steps }: RunState): boolean {
  if (phase !== "compensating") return false;
  for (const { node, state } of steps.values()) if (isInFlight(state) && !isUndo(node)) return false;
  return true;
}

/** Ranges of outputs that one advance asks for lie side by side: they are read at once. */
export function joinRanges(wants: readonly Want[]): Want[] {
  const joined: Want[] = [];
  for (const want of wants) {
    const last = joined.at(-1);
    const isNext = last?.kind === "outputs" && want.kind === "outputs" && last.node === want.node;
    if (isNext && want.from === last.to + 1) joined.splice(-1, 1, { ...last, to: want.to });
    else joined.push(want);
  }
  return joined;
}

/** What is known and a range, in one window; what is known is not read again where the range goes on behind it. */
async function widened(
  tx: Queryable,
  run: string,
  node: string,
  { from, to }: { readonly from: number; readonly to: number },
  known: OutputWindow | undefined,
): Promise<OutputWindow> {
  if (!known) return readOutputs(tx, run, node, from, to);
  if (from < known.from) return readOutputs(tx, run, node, from, Math.max(to, known.to));
  if (to <= known.to) return known;
  const more = await readOutputs(tx, run, node, known.to + 1, to);
  return { from: known.from, to, outputs: [...known.outputs, ...more.outputs] };
}

function rangeKey(node: string, from: number, to: number): string {
  return `${node}#${from}-${to}`;
}
