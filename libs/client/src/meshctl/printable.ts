// What people and models wrote must not move a reader's cursor, rewrite their screen or turn their text around.

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const CONTROL = /(\u001b\[[0-9;]*m)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text with its lines, tabs and colours, without any other control character. */
export function printable(text: string): string {
  return text.replace(CONTROL, "$1");
}

/** Text on one line. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, " ")).trim();
}
