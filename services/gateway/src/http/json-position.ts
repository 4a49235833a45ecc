// JSON.parse says where it failed for some inputs and not for others; callers are always told.

const TOKEN = /[[\]{}:,]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|[-\d][\d.eE+-]*|true|false|null/uy;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const WHITE = /[ \t\n\r]*/y;

type State =
  | "a value"
  | "a value or ]"
  | "a key or }"
  | "a key"
  | "a colon"
  | "a comma or ]"
  | "a comma or }"
  | "the end";

/** Where a text stops being JSON (an index from 0) and what was expected there; undefined: it is JSON. */
export function jsonProblem(text: string): { position: number; expected: string } | undefined {
  const open: string[] = [];
  let state: State = "a value";
  for (let at = skip(text, 0); at < text.length; at = skip(text, at)) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0] ?? "";
    const next = step(state, token, open);
    if (next === undefined) return { position: at, expected: state };
    state = next;
    at += token.length;
  }
  return state === "the end" ? undefined : { position: text.length, expected: state };
}

function skip(text: string, at: number): number {
  WHITE.lastIndex = at;
  return at + (WHITE.exec(text)?.[0].length ?? 0);
}

/** The state after a token; undefined: it may not stand there. `open` holds the brackets around it. */
function step(state: State, token: string, open: string[]): State | undefined {
  switch (state) {
    case "a value":
    case "a value or ]":
      if (token === "]" && state === "a value or ]") return close(open);
      return value(token, open);
    case "a key or }":
    case "a key":
      if (token === "}" && state === "a key or }") return close(open);
      return token.startsWith('"') ? "a colon" : undefined;
    case "a colon":
      return token === ":" ? "a value" : undefined;
    case "a comma or ]":
      return token === "," ? "a value" : token === "]" ? close(open) : undefined;
    case "a comma or }":
      return token === "," ? "a key" : token === "}" ? close(open) : undefined;
    case "the end":
      return undefined;
    default:
      return state satisfies never;
  }
}

function value(token: string, open: string[]): State | undefined {
  if (token === "[" || token === "{") {
    open.push(token);
    return token === "[" ? "a value or ]" : "a key or }";
  }
  const scalar = token.startsWith('"') || ["true", "false", "null"].includes(token) || NUMBER.test(token);
  return scalar ? after(open) : undefined;
}

function close(open: string[]): State {
  open.pop();
  return after(open);
}

function after(open: readonly string[]): State {
  if (open.length === 0) return "the end";
  return open.at(-1) === "[" ? "a comma or ]" : "a comma or }";
}
