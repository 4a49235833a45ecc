import { AppError } from "@agentmesh/errors";
import { Approval, ApprovalState, Part } from "@agentmesh/proto/orchestrator";
import type { MeshClient } from "../../connect.ts";
import type { Args } from "../args.ts";
import { ask, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { deciders } from "../open-matters.ts";
import { type StepAddress, stepOf } from "../run-words.ts";
import { stateCell, stateName } from "../state.ts";
import { shortSubject } from "../subject.ts";
import { printFields } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";
import { indent, yamlText } from "../yaml-text.ts";

export const approve = command("approve", true);
export const reject = command("reject", false);

function command(name: "approve" | "reject", approving: boolean): Command {
  return {
    usage: [`${name} RUN/STEP [--comment TEXT]`],
    about: `Shows what is asked, then ${name}s exactly that: the decision carries the hash of what was shown, and is refused when
it is no longer what is asked. A person is asked to confirm. A script says --hash, of what it has looked at
(\`approvals --json\`), or --yes for whatever is asked. The first decision counts; another is refused.`,
    options: {
      comment: { short: "c", value: "TEXT", about: "Why; it stays with the run" },
      hash: { value: "HASH", about: "Only if this is the hash of what is asked" },
      yes: { short: "y", about: "Do not ask" },
    },
    words: { min: 1, max: 2 },
    examples: [`${name} 019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21/refund --comment 'as agreed on the phone'`],
    run: (shell, args) => decide(shell, args, name, approving),
  };
}

async function decide(shell: Shell, args: Args, verb: "approve" | "reject", approving: boolean): Promise<number> {
  const { out } = shell;
  const address = stepOf(args.words);
  const hash = args.text("hash");
  if (hash === undefined && !args.flag("yes") && !isTerminal()) {
    throw new UsageError(`nobody is here to confirm: say --hash HASH, of what you looked at, or --yes`);
  }
  const { mesh } = await shell.session();
  const asked = await find(mesh, address);
  if (!out.json) show(shell, asked);
  if (asked.state !== ApprovalState.PENDING) throw isOver(asked);
  if (hash !== undefined && hash !== asked.argsHash) throw changed(address, asked.argsHash);
  if (hash === undefined && !args.flag("yes") && !(await confirmed(shell, verb))) {
    out.note("nothing was decided");
    return 1;
  }
  const decided = await mesh.orchestrator.decideApproval({
    id: address.run,
    node: address.node,
    shard: address.shard,
    approve: approving,
    argsHash: asked.argsHash,
    comment: args.text("comment") ?? "",
  });
  out.answer(Approval.toJSON(decided), () =>
    out.line(`${address.run}/${address.node} is ${stateName(decided.state)}.`),
  );
  return 0;
}

/** The approval that is open, else the last one of that step. @throws AppError NOT_FOUND */
async function find(mesh: MeshClient, { run: runId, node, shard }: StepAddress): Promise<Approval> {
  const { approvals } = await mesh.orchestrator.listApprovals({ runId, pageSize: 200 });
  const own = approvals.filter((one) => one.node === node && one.shard === shard);
  const found = own.find(({ state }) => state === ApprovalState.PENDING) ?? own[0];
  if (!found) {
    const others = approvals.map((one) => one.node).join(", ");
    const hint = others === "" ? "it has asked for none" : `it has asked for ${others}`;
    throw new AppError("NOT_FOUND", `run ${runId} asks for no approval ${node}; ${hint}`, { reason: "NO_APPROVAL" });
  }
  if (found.inputCut)
    found.input = (await mesh.orchestrator.getStep({ id: runId, node, shard, part: Part.INPUT })).input;
  return found;
}

function show({ out }: Shell, asked: Approval): void {
  const now = new Date();
  printFields(out, [
    ["asked", { text: asked.title, style: "bold" }],
    ["workflow", asked.workflow],
    ["state", stateCell(asked.state)],
    ["who", deciders(asked)],
    ["until", when(asked.expiresAt, now)],
    ["hash", asked.argsHash],
  ]);
  out.line(`\n${indent(yamlText(asked.input ?? null))}\n`);
}

async function confirmed({ signal }: Shell, verb: string): Promise<boolean> {
  const said = await ask(`${verb} this? [y/N] `, { secret: false, signal });
  return /^y(es)?$/i.test(said.trim());
}

function isOver({ runId, node, state, decidedBy, decidedAt, comment }: Approval): AppError {
  const who = decidedBy === "" ? "" : ` by ${shortSubject(decidedBy)}`;
  const at = decidedAt ? ` at ${when(decidedAt, new Date())}` : "";
  const why = comment === "" ? "" : ` (${comment})`;
  const message = `${runId}/${node} is ${stateName(state)}${who}${at}${why}; an approval is decided once`;
  return new AppError("FAILED_PRECONDITION", message, { reason: "ALREADY_DECIDED" });
}

function changed({ run, node }: StepAddress, argsHash: string): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `what ${run}/${node} asks has the hash ${argsHash}; look at it before you decide`,
    { reason: "ARGS_CHANGED" },
  );
}
