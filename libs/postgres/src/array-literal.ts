// Everything that V8's JSON.stringify writes otherwise than PostgreSQL reads it: control characters and surrogates.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OTHERWISE = /[\u0000-\u001f\ud800-\udfff]/;
const PLAIN = /^[\w:.+-]+$/;
const SPECIAL = /[\\"]/g;

/**
 * The text of a PostgreSQL array of strings, numbers, bigints, booleans and nulls, as the driver would write it, at a
 * third of the time. Batches are written as some sixty arrays a statement.
 *
 * @returns undefined when an element is of another type: then it is the driver's
 */
export function arrayLiteral(values: readonly unknown[]): string | undefined {
  let text = "{";
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (index > 0) text += ",";
    if (value === null || value === undefined) text += "NULL";
    else if (typeof value === "string") text += quoted(value);
    else if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") text += value;
    else return undefined;
  }
  return `${text}}`;
}

function quoted(value: string): string {
  // Ids, times and names need nothing, but NULL without quotes is no string.
  if (value.length <= 40 && PLAIN.test(value)) return `"${value}"`;
  if (OTHERWISE.test(value)) return `"${value.replace(SPECIAL, "\\$&")}"`;
  return JSON.stringify(value);
}
