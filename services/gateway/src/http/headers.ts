import type { IncomingMessage } from "node:http";

/** Reads a header of a request; names in lower case. */
export function headerOf(incoming: IncomingMessage): (name: string) => string | undefined {
  return (name) => {
    const value = incoming.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}
