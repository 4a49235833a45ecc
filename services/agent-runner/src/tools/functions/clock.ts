import { AppError } from "@agentmesh/errors";
import { z } from "zod";
import { defineFunction } from "./define-function.ts";

/** What time it is, anywhere. */
export const clock = defineFunction({
  name: "clock",
  isVolatile: true,
  parameters: z.strictObject({
    timeZone: z.string().max(64).default("UTC").describe("IANA time zone, for instance Europe/Berlin"),
  }),
  run({ timeZone }) {
    const now = new Date();
    try {
      const local = new Intl.DateTimeFormat("en-GB", { timeZone, dateStyle: "full", timeStyle: "long" }).format(now);
      return { utc: now.toISOString(), timeZone, local };
    } catch (cause) {
      throw new AppError("INVALID_ARGUMENT", `${timeZone} is no IANA time zone; give one such as Europe/Berlin`, {
        reason: "BAD_ARGUMENTS",
        field: "timeZone",
        cause,
      });
    }
  },
});
