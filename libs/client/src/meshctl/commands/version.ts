import manifest from "../../../package.json" with { type: "json" };
import type { Command } from "../command.ts";
import { printFields } from "../table.ts";

export const version: Command = {
  usage: ["version"],
  async run({ out }) {
    const versions = { meshctl: manifest.version, node: process.versions.node };
    out.answer(versions, () => printFields(out, Object.entries(versions)));
    return 0;
  },
};
