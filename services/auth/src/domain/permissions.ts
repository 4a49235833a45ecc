/** Every permission there is; what is not listed cannot be granted. */
export const knownPermissions = [
  "agent:create",
  "agent:read",
  "agent:update",
  "agent:delete",
  "agent:execute",
  "data:read:public",
  "data:read:internal",
  "data:read:confidential",
  "data:read:secret",
  "system:config",
  "system:monitor",
  "system:admin",
] as const;

const known: ReadonlySet<string> = new Set(knownPermissions);

export function isKnownPermission(permission: string): boolean {
  return known.has(permission);
}

// From the most to the least secret.
const CLASSES = ["secret", "confidential", "internal", "public"] as const;

/** The most secret class of data the permissions let read, or the empty text. */
export function clearanceOf(permissions: ReadonlySet<string>): string {
  return CLASSES.find((name) => permissions.has(`data:read:${name}`)) ?? "";
}
