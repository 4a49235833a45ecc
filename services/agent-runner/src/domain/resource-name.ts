import { z } from "zod";

export const resourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, "-" and "_", starting with a letter or digit');
