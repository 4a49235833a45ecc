import { z } from "zod";
import { faultOfScope, knownPermissions } from "./permissions.ts";

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, "must be HH:MM");
const roleName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be the name of a role");

const constraints = z.strictObject({
  /** The role counts at these local times only. A `from` after `to` runs through midnight, on the day it began. */
  hours: z
    .strictObject({
      days: z.array(z.enum(days)).min(1).default(["mon", "tue", "wed", "thu", "fri"]),
      from: clock,
      to: clock,
      timeZone: z.string().refine(isTimeZone, "must be a time zone such as Europe/Berlin").default("UTC"),
    })
    .optional(),
  /** The role counts for callers from these networks only. */
  networks: z
    .array(z.union([z.cidrv4(), z.cidrv6()], "must be a network such as 10.0.0.0/8"))
    .min(1)
    .max(100)
    .optional(),
  /** The role counts in these environments only. */
  environments: z.array(z.string()).min(1).max(20).optional(),
  /** The role counts for callers only who gave a second factor lately. */
  secondFactor: z
    .strictObject({
      /** How long a code counts. Default 900, a quarter of an hour. */
      withinS: z.int().min(30).max(86_400).default(900),
      /** Only for these. Default all that the role grants. */
      permissions: z.array(z.enum(knownPermissions)).min(1).optional(),
    })
    .optional(),
  /** Sessions a holder may have at once; a further sign-in ends the oldest. */
  maxSessions: z.int().min(1).optional(),
});

/** `agent:execute`, or `agent:execute on agent/support-*`. */
const scope = z.string().superRefine((text, context) => {
  const fault = faultOfScope(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

export const roleSpecSchema = z.strictObject({
  description: z.string().max(500).optional(),
  permissions: z.array(scope).max(200).default([]),
  inherits: z.array(roleName).max(16).default([]),
  constraints: constraints.optional(),
});

export type RoleSpec = z.infer<typeof roleSpecSchema>;
export type RoleConstraints = z.infer<typeof constraints>;
export const dayNames: readonly string[] = days;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
