// A DAG as rails beside a list, the way `git log --graph` shows commits: a row a node, each after what it comes after.
//
//   ✓       split
//   ├─╮
//   ● │     left
//   │ ✓     right
//   ├─╯
//   ○       join

export type GraphNode = { readonly id: string; readonly after: readonly string[]; readonly mark: string };

/** A row of rails; without a node it only leads from one row to the next. */
export type GraphRow = { readonly rails: string; readonly id: string | undefined };

/** More lanes than this are a carpet and no picture. */
const MAX_LANES = 14;

/** The rows from top to bottom, rails padded to one width; undefined when too many lanes run side by side. */
export function drawGraph(nodes: readonly GraphNode[]): GraphRow[] | undefined {
  const ordered = inOrder(nodes);
  const children = childrenOf(ordered);
  const lanes: Lanes = [];
  const rows: GraphRow[] = [];
  for (const { id, mark } of ordered) {
    const lane = laneOf(lanes, id);
    lanes[lane] = id;
    rows.push({ id, rails: lanes.map((target, at) => (at === lane ? mark : rail(target))).join(" ") });
    const turn = turnOff(lanes, lane, children.get(id) ?? []);
    if (lanes.length > MAX_LANES) return undefined;
    if (turn) rows.push({ id: undefined, rails: turn });
  }
  const width = Math.max(0, ...rows.map(({ rails }) => rails.length));
  return rows.map(({ id, rails }) => ({ id, rails: id === undefined ? rails : rails.padEnd(width) }));
}

/** The node that each lane leads to; undefined where a lane is free. */
type Lanes = (string | undefined)[];

/** Nodes after all that they come after, otherwise as they were given. What is not among the nodes does not count. */
function inOrder(nodes: readonly GraphNode[]): GraphNode[] {
  const left = new Map(nodes.map((node) => [node.id, node]));
  const ordered: GraphNode[] = [];
  while (left.size > 0) {
    const all = [...left.values()];
    // A cycle cannot be; were there one, its first node goes on.
    const next = all.find(({ after }) => after.every((id) => !left.has(id))) ?? all[0];
    if (!next) break;
    left.delete(next.id);
    ordered.push(next);
  }
  return ordered;
}

/** What comes directly after each node: an edge that a longer way makes needless is not drawn. */
function childrenOf(ordered: readonly GraphNode[]): Map<string, string[]> {
  const before = new Map<string, ReadonlySet<string>>();
  const children = new Map<string, string[]>();
  for (const { id, after } of ordered) {
    const known = [...new Set(after)].filter((one) => before.has(one));
    const direct = known.filter((one) => known.every((other) => !before.get(other)?.has(one)));
    for (const one of direct) children.set(one, [...(children.get(one) ?? []), id]);
    before.set(id, new Set(known.flatMap((one) => [one, ...(before.get(one) ?? [])])));
  }
  return children;
}

function laneOf(lanes: Lanes, id: string): number {
  const own = lanes.indexOf(id);
  if (own >= 0) return own;
  const free = lanes.indexOf(undefined);
  return free >= 0 ? free : lanes.length;
}

/** Gives the lane of a node to its children, and draws the way there; undefined where it goes straight on. */
function turnOff(lanes: Lanes, from: number, children: readonly string[]): string | undefined {
  lanes[from] = undefined;
  const joined = new Set<number>();
  const opened = new Set<number>();
  for (const child of children) {
    const existing = lanes.indexOf(child);
    if (existing >= 0) joined.add(existing);
    else {
      const lane = lanes[from] === undefined ? from : laneOf(lanes, child);
      lanes[lane] = child;
      opened.add(lane);
    }
  }
  const targets = [...joined, ...opened].filter((lane) => lane !== from);
  if (targets.length === 0) return undefined;
  const least = Math.min(from, ...targets);
  const most = Math.max(from, ...targets);
  const cells = lanes.map((target, at) => {
    const sides = { left: at > least && at <= most, right: at >= least && at < most };
    if (at === from) return corner(sides, { up: true, down: target !== undefined });
    if (opened.has(at)) return corner(sides, { up: false, down: true });
    if (joined.has(at)) return corner(sides, { up: true, down: true });
    return target === undefined && sides.left && sides.right ? "─" : rail(target);
  });
  return cells
    .map((cell, at) => `${cell}${at >= least && at < most ? "─" : " "}`)
    .join("")
    .trimEnd();
}

type Sides = { readonly left: boolean; readonly right: boolean };
type Ends = { readonly up: boolean; readonly down: boolean };

function corner({ left, right }: Sides, { up, down }: Ends): string {
  if (up && down) return left && right ? "┼" : left ? "┤" : "├";
  if (up) return left && right ? "┴" : left ? "╯" : "╰";
  return left && right ? "┬" : left ? "╮" : "╭";
}

function rail(target: string | undefined): string {
  return target === undefined ? " " : "│";
}
