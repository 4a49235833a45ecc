import { z } from "zod";
import { type Severity, severities } from "./rule.ts";

const webhookUrl = z
  .url({ protocol: /^https?$/, error: "expected an http or https URL" })
  .max(2000)
  .refine((text) => {
    const url = URL.parse(text);
    return url === null || (url.username === "" && url.password === "");
  }, "expected a URL without user and password; sign with secretEnv instead");

/** A Channel resource: who is told. */
export const channelSpec = z.strictObject({
  type: z.literal("webhook"),
  url: webhookUrl,
  /** The environment variable of the alerting service that holds the key of the signature. Default: not signed. */
  secretEnv: z.string().optional(),
  /** Default: all. */
  severities: z
    .array(z.enum(severities))
    .min(1)
    .default([...severities]),
});

export type Channel = z.infer<typeof channelSpec> & { readonly tenant: string; readonly name: string };

export function compileChannel(tenant: string, name: string, spec: unknown): Channel {
  return { ...channelSpec.parse(spec), tenant, name };
}

export function wants(channel: Channel, severity: Severity): boolean {
  return channel.severities.includes(severity);
}

/**
 * The pattern of the variables a tenant may name: a tenant that could name another's would get bodies signed with its
 * key. `-` is written `d`, which upper case leaves free, so that no two tenants share a prefix.
 */
export function secretPrefix(tenant: string): string {
  return `WEBHOOK_SECRET_${tenant.toUpperCase().replaceAll("-", "d")}__`;
}

export function maySign(tenant: string, secretEnv: string): boolean {
  const prefix = secretPrefix(tenant);
  return secretEnv.startsWith(prefix) && /^[A-Z0-9]+(_[A-Z0-9]+)*$/.test(secretEnv.slice(prefix.length));
}
