/** A value as it stands in a filter (RFC 4515): what has a meaning there is escaped. */
export function escapeFilterValue(value: string): string {
  return value.replace(/[\\*()\0]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** A template with each `{name}` replaced by the escaped value; no value is read as a template again. */
export function fillFilter(template: string, name: string, value: string): string {
  return template.split(`{${name}}`).join(escapeFilterValue(value));
}
