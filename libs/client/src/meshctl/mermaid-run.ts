import type { Run, Step } from "@agentmesh/proto/orchestrator";
import { stateName } from "./state.ts";
import { isUndo, labelOf, progressText } from "./step-text.ts";

const CLASSES: Readonly<Record<string, string>> = {
  succeeded: "fill:#d7f0dc,stroke:#2f8f46,color:#111",
  failed: "fill:#f9d6d5,stroke:#c0392b,color:#111",
  running: "fill:#d6e9fb,stroke:#2471a3,color:#111",
  waiting: "fill:#fdf3d0,stroke:#b7950b,color:#111",
  in_doubt: "fill:#fbdcc4,stroke:#ca6f1e,color:#111",
  queued: "fill:#eaf2f8,stroke:#7fb3d5,color:#111",
  pending: "fill:#fff,stroke:#aaa,color:#555",
  skipped: "fill:#f4f4f4,stroke:#bbb,color:#888,stroke-dasharray:4",
  cancelled: "fill:#eee,stroke:#888,color:#666,stroke-dasharray:4",
};

/** A run as a Mermaid flowchart, the states of its steps as classes; dotted arrows lead to what was undone. */
export function mermaidOf(run: Run): string {
  const ids = new Map(run.steps.map((step, index) => [step.node, `s${index}`]));
  const nodes = run.steps.map((step) => `  ${ids.get(step.node)}["${textOf(step)}"]:::${classOf(step)}`);
  const edges = run.steps.flatMap((step) => edgesTo(step, ids));
  const used = new Set(run.steps.map(classOf));
  const classes = Object.entries(CLASSES).filter(([name]) => used.has(name));
  return ["flowchart TD", ...nodes, ...edges, ...classes.map(([name, style]) => `  classDef ${name} ${style}`)].join(
    "\n",
  );
}

function textOf(step: Step): string {
  const facts = [kindName(step), stateName(step.state).replace("_", " "), progressText(step)];
  return `<b>${entities(labelOf(step))}</b><br/>${facts.filter(Boolean).map(entities).join(" · ")}`;
}

function edgesTo(step: Step, ids: ReadonlyMap<string, string>): string[] {
  const to = ids.get(step.node);
  if (isUndo(step)) {
    const from = ids.get(step.node.replace(/~undo$/, ""));
    return from === undefined ? [] : [`  ${from} -.-> ${to}`];
  }
  return step.dependsOn.flatMap((text) => {
    const [node = "", name] = text.split(":");
    const from = ids.get(node);
    if (from === undefined) return [];
    return [name === undefined ? `  ${from} --> ${to}` : `  ${from} -- "${entities(name)}" --> ${to}`];
  });
}

function classOf({ state }: Step): string {
  const name = stateName(state);
  if (name === "ready" || name === "dispatched") return "queued";
  return Object.hasOwn(CLASSES, name) ? name : "pending";
}

function kindName({ kind }: Step): string {
  return kind.replace(/^STEP_KIND_/, "").toLowerCase();
}

function entities(text: string): string {
  return text.replace(/[&<>"#]/g, (character) => `#${character.charCodeAt(0)};`);
}
