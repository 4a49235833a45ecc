import { AppError } from "@agentmesh/errors";
import { inspectText } from "@agentmesh/inspect";
import type { ClassifyReply, ClassifyRequest } from "@agentmesh/proto/compliance";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { protectionsFor } from "../domain/data-policy.ts";

const MAX_CHARS = 1024 * 1024;

export async function classify(context: Context, request: ClassifyRequest, call: Call): Promise<ClassifyReply> {
  if (request.text.length > MAX_CHARS) {
    throw new AppError("INVALID_ARGUMENT", `the text has ${request.text.length} characters; at most ${MAX_CHARS}`, {
      reason: "TOO_LARGE",
      field: "text",
    });
  }
  const { policy, spec } = context.policyOf(requirePrincipal(call).tenant);
  const { findings, classification, blocked, redacted } = inspectText(request.text, policy);
  for (const finding of findings) context.metrics.found(finding.kind);
  return {
    classification,
    findings: [...findings],
    redacted,
    blocked,
    protections: protectionsFor(classification),
    retentionDays: spec.retentionDays,
  };
}
