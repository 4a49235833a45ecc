import { AppError } from "@agentmesh/errors";

// A recursive-descent parser that computes as it reads; nothing is ever handed to the JavaScript engine as code.
//
//   sum     = product { ("+" | "-") product }
//   product = unary { ("*" | "/" | "%") unary }
//   unary   = ("-" | "+") unary | power
//   power   = value [ "^" unary ]            right-associative: 2^3^2 = 512, -2^2 = -4
//   value   = number | constant | function "(" sum { "," sum } ")" | "(" sum ")"

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|([a-z][a-z0-9]*)|([-+*/%^(),]))/y;
const MAX_DEPTH = 100;
const MAX_ARGUMENTS = 100;

const constants: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["e", Math.E],
]);

const functions: ReadonlyMap<string, (...values: number[]) => number> = new Map([
  ["sqrt", single(Math.sqrt)],
  ["abs", single(Math.abs)],
  ["round", single(Math.round)],
  ["floor", single(Math.floor)],
  ["ceil", single(Math.ceil)],
  ["ln", single(Math.log)],
  ["log", single(Math.log10)],
  ["min", Math.min],
  ["max", Math.max],
]);

type Cursor = { readonly tokens: readonly string[]; at: number; depth: number };

/** @throws AppError INVALID_ARGUMENT (BAD_EXPRESSION) naming what is wrong; also where the result is no finite number */
export function evaluateArithmetic(expression: string): number {
  const cursor: Cursor = { tokens: tokensOf(expression), at: 0, depth: 0 };
  const result = sum(cursor);
  if (cursor.at < cursor.tokens.length) throw bad(`${peek(cursor)} was not expected`);
  if (!Number.isFinite(result)) throw bad("its result is no finite number");
  return result;
}

function tokensOf(expression: string): string[] {
  const text = expression.trimEnd();
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) throw bad(`it has ${JSON.stringify(text.slice(from, from + 10))}, which is no arithmetic`);
    tokens.push(found[0].trim());
  }
  return tokens;
}

function peek({ tokens, at }: Cursor): string {
  return tokens[at] ?? "its end";
}

function takes(cursor: Cursor, ...wanted: readonly string[]): string | undefined {
  const token = peek(cursor);
  if (!wanted.includes(token)) return undefined;
  cursor.at += 1;
  return token;
}

function expect(cursor: Cursor, token: string): void {
  if (!takes(cursor, token)) throw bad(`${peek(cursor)} stands where ${token} was expected`);
}

function sum(cursor: Cursor): number {
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw bad(`it is nested deeper than ${MAX_DEPTH}`);
  let total = product(cursor);
  for (let sign = takes(cursor, "+", "-"); sign; sign = takes(cursor, "+", "-")) {
    const next = product(cursor);
    total = sign === "+" ? total + next : total - next;
  }
  cursor.depth -= 1;
  return total;
}

function product(cursor: Cursor): number {
  let result = unary(cursor);
  for (let sign = takes(cursor, "*", "/", "%"); sign; sign = takes(cursor, "*", "/", "%")) {
    const next = unary(cursor);
    if (sign !== "*" && next === 0) throw bad("it divides by zero");
    result = sign === "*" ? result * next : sign === "/" ? result / next : result % next;
  }
  return result;
}

function unary(cursor: Cursor): number {
  const sign = takes(cursor, "-", "+");
  if (!sign) return power(cursor);
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw bad(`it is nested deeper than ${MAX_DEPTH}`);
  const value = unary(cursor);
  cursor.depth -= 1;
  return sign === "-" ? -value : value;
}

function power(cursor: Cursor): number {
  const base = value(cursor);
  return takes(cursor, "^") ? base ** unary(cursor) : base;
}

function value(cursor: Cursor): number {
  if (takes(cursor, "(")) {
    const inner = sum(cursor);
    expect(cursor, ")");
    return inner;
  }
  const token = peek(cursor);
  const number = /^[\d.]/.test(token) ? Number(token) : constants.get(token);
  if (number !== undefined) {
    cursor.at += 1;
    return number;
  }
  const apply = functions.get(token);
  if (!apply)
    throw bad(`${token} stands where a number was expected; functions are ${[...functions.keys()].join(", ")}`);
  cursor.at += 1;
  expect(cursor, "(");
  const args = [sum(cursor)];
  while (takes(cursor, ",")) {
    if (args.length >= MAX_ARGUMENTS) throw bad(`${token} has more than ${MAX_ARGUMENTS} arguments`);
    args.push(sum(cursor));
  }
  expect(cursor, ")");
  return apply(...args);
}

function single(apply: (value: number) => number): (...values: number[]) => number {
  return (...values) => {
    const [only] = values;
    if (only === undefined || values.length !== 1) throw bad("a function of one number got several");
    return apply(only);
  };
}

function bad(why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `the expression cannot be computed: ${why}`, {
    reason: "BAD_EXPRESSION",
    field: "expression",
  });
}
