// Where the source and the contracts say different things.
import { catalogEvents, catalogMethods } from "@agentmesh/proto/catalog";
import type { ScannedService } from "./scan-service.ts";

/** One line for each edge that only one of the two knows. */
export function mismatches(services: readonly ScannedService[]): string[] {
  return [...eventMismatches(services), ...callMismatches(services)];
}

function eventMismatches(services: readonly ScannedService[]): string[] {
  const found: string[] = [];
  for (const { type, publisher, consumers } of catalogEvents) {
    const publishing = services.filter((service) => service.publishes.includes(type)).map(({ name }) => name);
    const consuming = services.filter((service) => service.consumes.includes(type)).map(({ name }) => name);
    for (const name of publishing) {
      if (publisher !== "*" && name !== publisher) found.push(`${name} publishes ${type}, which is ${publisher}'s`);
    }
    if (publishing.length === 0) found.push(`nobody publishes ${type}; its contract says ${publisher}`);
    for (const name of consuming) {
      if (!consumers.includes(name))
        found.push(`${name} consumes ${type}, whose contract names ${consumers.join(", ")}`);
    }
    for (const name of consumers) {
      if (!consuming.includes(name)) found.push(`${name} does not consume ${type}, though its contract says so`);
    }
  }
  return found;
}

function callMismatches(services: readonly ScannedService[]): string[] {
  const found: string[] = [];
  for (const { service, name, callers, access } of catalogMethods) {
    const call = `${service} ${name}`;
    for (const caller of services) {
      const isAllowed =
        callers.includes("*") || callers.includes(caller.name) || (access !== "INTERNAL" && caller.name === "gateway");
      if (caller.calls.includes(call) && !isAllowed) {
        found.push(`${caller.name} calls ${call}, which its contract does not allow`);
      }
    }
  }
  return found;
}
