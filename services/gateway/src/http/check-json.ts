import { AppError } from "@agentmesh/errors";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/**
 * Holds a JSON value against a message of the contract. The codecs themselves are lenient: they drop what they do not
 * know and turn what does not fit into NaN, which a caller would find out much later.
 *
 * @throws AppError INVALID_ARGUMENT (UNKNOWN_FIELD, WRONG_TYPE) with the path of the field
 */
export function checkJson(message: DescMessage, value: unknown, path = ""): void {
  if (!isObject(value)) throw wrong(path, value, "an object");
  for (const [key, held] of Object.entries(value)) {
    const field = message.fields.find((candidate) => candidate.jsonName === key || candidate.name === key);
    if (!field) throw unknownField(message, key, join(path, key));
    if (held !== null) checkField(field, held, join(path, key));
  }
}

// A JSON level is up to three protobuf levels, of which codecs take 100.
const MAX_DEPTH = 30;

function checkField(field: DescField, value: unknown, path: string): void {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) throw wrong(path, value, "a list");
    for (const [index, item] of value.entries()) checkOne(field, item, `${path}[${index}]`);
  } else if (field.fieldKind === "map") {
    if (!isObject(value)) throw wrong(path, value, "an object");
    for (const [key, item] of Object.entries(value)) checkOne(field, item, join(path, key));
  } else checkOne(field, value, path);
}

function checkOne(field: DescField, value: unknown, path: string): void {
  if (field.message) checkMessage(field.message, value, path);
  else if (field.enum) {
    const names = field.enum.values.map((each) => each.name);
    if (typeof value !== "string" || !names.includes(value)) throw wrong(path, value, `one of ${names.join(", ")}`);
  } else if (field.scalar !== undefined) checkScalar(field.scalar, value, path);
}

function checkMessage(message: DescMessage, value: unknown, path: string): void {
  const { typeName } = message;
  if (typeName === "google.protobuf.Struct" || typeName === "google.protobuf.Value") {
    if (typeName === "google.protobuf.Struct" && !isObject(value)) throw wrong(path, value, "an object");
    checkFree(value, path, 1);
  } else if (typeName === "google.protobuf.Timestamp") {
    if (typeof value === "string" && !Number.isNaN(Date.parse(value))) return;
    throw wrong(path, value, "a time such as 2030-01-31T12:00:00Z");
  } else checkJson(message, value, path);
}

/** JSON of any shape, within what a message can carry. */
export function checkFree(value: unknown, path: string, depth = 1): void {
  if (value === null || typeof value !== "object") return;
  if (depth > MAX_DEPTH) {
    throw new AppError("INVALID_ARGUMENT", `${path} is nested deeper than ${MAX_DEPTH} levels; send it flatter`, {
      reason: "TOO_DEEP",
      field: path,
    });
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkFree(item, `${path}[${index}]`, depth + 1);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") throw wrong(join(path, key), item, "another name");
    checkFree(item, join(path, key), depth + 1);
  }
}

const RANGES = new Map<ScalarType, readonly [bigint, bigint]>([
  [ScalarType.UINT32, [0n, 2n ** 32n - 1n]],
  [ScalarType.FIXED32, [0n, 2n ** 32n - 1n]],
  [ScalarType.INT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.SINT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.SFIXED32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.UINT64, [0n, 2n ** 64n - 1n]],
  [ScalarType.FIXED64, [0n, 2n ** 64n - 1n]],
  [ScalarType.INT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SINT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SFIXED64, [-(2n ** 63n), 2n ** 63n - 1n]],
]);

function checkScalar(type: ScalarType, value: unknown, path: string): void {
  const range = RANGES.get(type);
  if (range) {
    const [least, greatest] = range;
    const number = wholeNumber(value);
    if (number !== undefined && number >= least && number <= greatest) return;
    throw wrong(path, value, `a whole number from ${least} to ${greatest}`);
  }
  if (type === ScalarType.BOOL) {
    if (typeof value !== "boolean") throw wrong(path, value, "true or false");
  } else if (type === ScalarType.DOUBLE || type === ScalarType.FLOAT) {
    if (typeof value !== "number") throw wrong(path, value, "a number");
  } else if (type === ScalarType.BYTES) {
    if (typeof value !== "string" || !/^[\w+/-]*={0,2}$/.test(value)) throw wrong(path, value, "a text in base64");
  } else if (typeof value !== "string") throw wrong(path, value, "a text");
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** Says what kind of thing came and never the thing: it may be what the caller meant to keep secret. */
function wrong(path: string, value: unknown, expected: string): AppError {
  const got =
    value === null
      ? "null"
      : Array.isArray(value)
        ? "a list"
        : typeof value === "object"
          ? "an object"
          : `a ${typeof value}`;
  return new AppError("INVALID_ARGUMENT", `${path || "the body"} must be ${expected}; it is ${got}`, {
    reason: "WRONG_TYPE",
    field: path,
  });
}

function unknownField(message: DescMessage, key: string, path: string): AppError {
  const known = message.fields.map((field) => field.jsonName).join(", ") || "none";
  return new AppError(
    "INVALID_ARGUMENT",
    `unknown field ${JSON.stringify(key.slice(0, 80))}; ${message.name} has ${known}`,
    { reason: "UNKNOWN_FIELD", field: path },
  );
}
