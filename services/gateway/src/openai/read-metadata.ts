import { AppError } from "@agentmesh/errors";
import { z } from "zod";

const metadata = z.record(z.string(), z.string());

/** OpenAI's metadata become labels, which are kept with the run and its cost. @throws AppError INVALID_ARGUMENT */
export function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  const read = metadata.safeParse(value);
  if (read.success) return read.data;
  throw new AppError("INVALID_ARGUMENT", "metadata must be an object of texts", {
    reason: "BAD_REQUEST",
    field: "metadata",
  });
}
