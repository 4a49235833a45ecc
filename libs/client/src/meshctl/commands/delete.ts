import { DeleteResourceReply } from "@agentmesh/proto/resource";
import { ownerOf } from "../../owner-of.ts";
import type { Command } from "../command.ts";
import { kindOf } from "../kind-name.ts";

export const remove: Command = {
  usage: ["delete KIND NAME"],
  about: "Its versions stay and can be read; applying it again goes on from them.",
  words: { min: 2, max: 2 },
  examples: ["delete trigger on-ticket-opened"],
  async run(shell, { words: [word = "", name = ""] }) {
    const { out } = shell;
    const kind = kindOf(word);
    const { mesh } = await shell.session();
    const reply = await mesh[ownerOf(kind)].deleteResource({ kind, name });
    out.answer(DeleteResourceReply.toJSON(reply), () =>
      out.line(reply.deleted ? `${kind}/${name} is deleted.` : `There was no ${kind}/${name}.`),
    );
    return 0;
  },
};
