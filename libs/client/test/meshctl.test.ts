import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { AppError } from "@agentmesh/errors";
import type { SignInRequest } from "@agentmesh/proto/auth";
import type { GetSpendRequest } from "@agentmesh/proto/cost";
import type { WatchRunRequest } from "@agentmesh/proto/orchestrator";
import type { ApplyResourceRequest, GetResourceRequest } from "@agentmesh/proto/resource";
import type { RunAgentRequest } from "@agentmesh/proto/runner";
import { profileFile, readProfile } from "../src/meshctl/profile.ts";
import { meshctl, signedIn } from "./meshctl.ts";
import { type StandIn, startStandIn } from "./stand-in.ts";

const ada = { tenant: "acme", subject: "user:1", username: "ada", roles: ["operator"], permissions: ["agent:read"] };

async function setUp() {
  const standIn = await startStandIn();
  const run = meshctl();
  signedIn(run.home, standIn.address);
  return Object.assign(run, {
    standIn,
    on: standIn.on,
    async [Symbol.asyncDispose]() {
      run[Symbol.dispose]();
      await standIn[Symbol.asyncDispose]();
    },
  });
}

function asBearer(standIn: StandIn): string[] {
  const seen: string[] = [];
  standIn.on("auth/WhoAmI", (_request, metadata) => {
    seen.push(String(metadata.get("authorization")[0] ?? metadata.get("x-api-key")[0]));
    return ada;
  });
  return seen;
}

test("help names every command, and each command has help of its own", async () => {
  using run = meshctl();
  const all = await run("help", "--json");
  const commands: { name: string }[] = JSON.parse(all.out);
  assert.ok(commands.length > 25);
  const text = (await run()).out;
  for (const { name } of commands) {
    assert.match(text, new RegExp(`^  ${name}\\b`, "m"));
    const own = await run("help", name);
    assert.deepEqual([own.code, own.err], [0, ""], name);
    assert.match(own.out, new RegExp(`^  meshctl ${name}`, "m"));
  }
});

test("mistakes in the command line: exit code 2 and what was probably meant", async () => {
  using run = meshctl();
  const mistakes: [string[], RegExp][] = [
    [["aply"], /there is no command "aply"\. Did you mean apply\?\n {2}see: meshctl help\n/],
    [["help", "rnus"], /Did you mean runs\?/],
    [["get"], /KIND is missing\n {2}see: meshctl help get/],
    [["describe", "agent"], /NAME is missing/],
    [["runs", "--stat", "failed"], /unknown option --stat\. Did you mean --state\?/],
    [["runs", "--state", "faild"], /--state "faild": expected one of running, .*Did you mean failed\?/],
    [["runs", "--limit", "many"], /--limit "many": expected a whole number from 1 on/],
    [["runs", "--limit"], /--limit needs a value: --limit N/],
    [["whoami", "now"], /"now" is one word too many/],
    [["apply"], /-f FILE is missing/],
    [["audit", "verfy"], /expected list or verify/],
    [["run", "agent/x", "--input", "{no"], /--input: not valid JSON/],
    [["run", "agent/x", "--input", "[1]"], /--input: expected a JSON object/],
    [["approve", "r1"], /expected RUN\/STEP, a run's id and a step's/],
    [["resolve", "r1/charge", "done"], /"done": expected retry, succeed or fail/],
    [["steps", "r1", "resize#last"], /after the # comes the number of an item/],
    [["pause", "r1", "r2"], /"r2" is one word too many/],
    [["completion", "csh"], /expected bash, zsh or fish/],
    [["describe", "agent", "x", "-o", "mermaid"], /-o is for runs/],
    [["api", "GetRnu"], /Did you mean GetRun\?/],
    [["api", "cost/Hold"], /between services/],
    [["api", "GetRun", '{"run_id":"x"}'], /has no field "run_id"\. It has id/],
    [["api", "ListResources"], /of several services: .*cost\/ListResources/],
  ];
  for (const [args, message] of mistakes) {
    const { code, out, err } = await run(...args);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, message);
  }
  const json = await run("aply", "--json");
  assert.equal(JSON.parse(json.err).error.code, "USAGE");
});

test("bash completes commands, their options and kinds", async () => {
  using run = meshctl();
  const file = join(run.home, "completion.bash");
  writeFileSync(file, (await run("completion", "bash")).out);
  const complete = (...words: string[]) => {
    const line = `source ${file}; COMP_WORDS=(meshctl ${words.join(" ")}); COMP_CWORD=${words.length}; _meshctl; echo "\${COMPREPLY[*]}"`;
    return execFileSync("bash", ["-c", line], { encoding: "utf8" }).trim();
  };
  assert.equal(complete("appr"), "approvals approve");
  assert.equal(complete("rerun", "--cu"), "--current");
  assert.equal(complete("describe", "wor"), "workflow");
  assert.match((await run("completion", "fish")).out, /-n '__fish_seen_subcommand_from rerun' -l current$/m);
  assert.match((await run("completion", "zsh")).out, /^autoload -U \+X bashcompinit/);
});

test("bash completes names of resources, which it asks the mesh for", async () => {
  await using run = await setUp();
  run.on("runner/ListResources", ({ kind }: { kind: string }) => {
    return {
      resources:
        kind === "Agent"
          ? [
              { kind, name: "drafter" },
              { kind, name: "classifier" },
            ]
          : [],
    };
  });
  const file = join(run.home, "completion.bash");
  writeFileSync(file, (await run("completion", "bash")).out);
  const main = join(import.meta.dirname, "../src/meshctl/main.ts");
  // Not blocking: the mesh that is asked lives in this process.
  const complete = async (...words: string[]) => {
    const line = `meshctl() { "$NODE" ${main} "$@"; }; source ${file}; COMP_WORDS=(meshctl ${words.join(" ")}); COMP_CWORD=${words.length}; _meshctl; echo "\${COMPREPLY[*]}"`;
    const env = { PATH: "/usr/bin:/bin", NODE: process.execPath, AGENTMESH_HOME: run.home };
    const { stdout } = await promisify(execFile)("bash", ["-c", line], { env });
    return stdout.trim();
  };
  assert.equal(await complete("get", "agent", "dr"), "drafter");
  assert.equal(await complete("run", "ag"), "agent/");
  assert.equal(await complete("run", "agent/c"), "agent/classifier");
  assert.equal(await complete("get", "nothing", "x"), "");
});

test("without a sign-in: exit code 3 and how to sign in", async () => {
  using run = meshctl();
  const { code, err } = await run("runs");
  assert.equal(code, 3);
  assert.equal(err, "meshctl: nobody is signed in\n  sign in with: meshctl login\n");
});

test("login keeps a profile only its owner may read, and logout forgets it", async () => {
  await using run = await setUp();
  const asked: SignInRequest[] = [];
  run.on("auth/SignIn", (request: SignInRequest) => {
    asked.push(request);
    if (request.password !== "correct horse")
      throw new AppError("UNAUTHENTICATED", "wrong", { reason: "BAD_CREDENTIALS" });
    return { accessToken: "access-2", refreshToken: "refresh-2", expiresInS: 900 };
  });
  const seen = asBearer(run.standIn);
  run.on("auth/SignOut", () => ({ sessionsEnded: 1 }));
  const login = ["login", "--address", run.standIn.address, "--tenant", "acme", "--username", "ada"];
  const refused = await run.with({ input: "wrong\n" }, ...login);
  assert.deepEqual([refused.code, refused.err], [3, "meshctl: wrong\n"]);
  const done = await run.with({ input: "correct horse\n" }, ...login);
  assert.deepEqual([done.code, done.out], [0, `Signed in to ${run.standIn.address} as ada of acme (operator).\n`]);
  assert.partialDeepStrictEqual(asked.at(-1), { tenant: "acme", username: "ada", password: "correct horse" });
  assert.deepEqual(seen, ["Bearer access-2"]);
  assert.equal(statSync(profileFile(run.home)).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(profileFile(run.home), "utf8"), /correct horse/);
  const again = await run.with({ env: { AGENTMESH_PASSWORD: "correct horse" } }, ...login, "--json");
  assert.equal(JSON.parse(again.out).username, "ada");
  const out = await run("logout");
  assert.deepEqual([out.code, out.out], [0, `Signed out of ${run.standIn.address}.\n`]);
  assert.equal((await run("whoami")).code, 3);
});

test("an access token that ends is renewed once, and the new pair is kept", async () => {
  await using run = await setUp();
  signedIn(run.home, run.standIn.address, { expiresInMs: 5_000 });
  const seen = asBearer(run.standIn);
  run.on("auth/RefreshToken", ({ refreshToken }: { refreshToken: string }) => {
    assert.equal(refreshToken, "refresh-1");
    return { accessToken: "access-9", refreshToken: "refresh-9", expiresInS: 900 };
  });
  assert.equal((await run("whoami")).code, 0);
  assert.equal((await run("whoami")).code, 0);
  assert.deepEqual(seen, ["Bearer access-9", "Bearer access-9"]);
  assert.deepEqual(run.standIn.calls, ["auth/RefreshToken", "auth/WhoAmI", "auth/WhoAmI"]);
  const { credential } = readProfile(run.home) ?? {};
  assert.equal(credential?.kind === "session" && credential.refreshToken, "refresh-9");
});

test("an API key signs in from the profile or from the environment", async () => {
  await using run = await setUp();
  const seen = asBearer(run.standIn);
  const { address } = run.standIn;
  assert.equal((await run.with({ input: "mk_1\n" }, "login", "--address", address, "--api-key", "-")).code, 0);
  assert.equal((await run("whoami")).code, 0);
  const env = { AGENTMESH_API_KEY: "mk_2", AGENTMESH_ADDRESS: address };
  assert.equal((await run.with({ env }, "whoami")).code, 0);
  assert.deepEqual(seen, ["mk_1", "mk_1", "mk_2"]);
});

test("a profile's credential goes nowhere but to the profile's address", async () => {
  await using run = await setUp();
  await using other = await startStandIn();
  const { code, err } = await run.with({ env: { AGENTMESH_ADDRESS: other.address } }, "whoami");
  assert.equal(code, 3);
  assert.match(err, /the profile is for 127\.0\.0\.1:\d+, and AGENTMESH_ADDRESS says/);
  assert.deepEqual(other.calls, []);
});

test("refusals and a mesh that is not there say what to do", async () => {
  await using run = await setUp();
  run.on("orchestrator/ListRuns", () => {
    throw new AppError("PERMISSION_DENIED", "ListRuns needs agent:read", { reason: "MISSING_PERMISSION" });
  });
  const denied = await run("runs");
  assert.equal(denied.code, 3);
  assert.equal(denied.err, "meshctl: ListRuns needs agent:read\n  see what you may do with: meshctl whoami\n");
  const json = await run("runs", "--json");
  assert.deepEqual(JSON.parse(json.err).error, {
    code: "PERMISSION_DENIED",
    message: "ListRuns needs agent:read",
    reason: "MISSING_PERMISSION",
  });
  await run.standIn[Symbol.asyncDispose]();
  const gone = await run("runs");
  assert.equal(gone.code, 1);
  assert.match(
    gone.err,
    /^meshctl: the mesh cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+\n {2}is the mesh running\?/,
  );
});

test("apply says the outcome of each resource and goes on after a refusal", async () => {
  await using run = await setUp();
  const file = join(run.home, "mesh.yaml");
  writeFileSync(
    file,
    `kind: Agent\nname: a\n---\nkind: Tool\nname: broken\n---\nkind: Tool\nname: t\nspec: { top: "\${TOP}" }\n`,
  );
  run.on("runner/ApplyResource", ({ name, spec }: ApplyResourceRequest) => {
    if (name === "broken") throw new AppError("INVALID_ARGUMENT", "spec.source: missing", { reason: "INVALID" });
    if (name === "t") assert.deepEqual(spec, { top: 3 });
    return { resource: { version: 2 }, outcome: name === "t" ? "OUTCOME_CHANGED" : "OUTCOME_CREATED" };
  });
  const { code, out } = await run.with({ env: { TOP: "3" } }, "apply", "-f", file);
  assert.equal(code, 1);
  assert.match(
    out,
    /^Tool\/broken {2}failed\n .*document 2 \(Tool\/broken\): spec\.source: missing\nTool\/t {7}changed {4}v2\nAgent\/a {6}created {4}v2\n\n1 created, 1 changed, 1 failed in /,
  );
  const json = JSON.parse((await run.with({ env: { TOP: "3" } }, "apply", "-f", file, "--json")).out);
  assert.deepEqual(json.resources[1], { kind: "Tool", name: "t", outcome: "changed", version: 2 });
  assert.equal(json.resources[0].error.reason, "INVALID");
});

test("diff shows the lines that an apply would change; get prints what apply takes", async () => {
  await using run = await setUp();
  const file = join(run.home, "agents.yaml");
  writeFileSync(file, "kind: Agent\nname: a\nspec: { model: default, temperature: 0.3 }\n---\nkind: Agent\nname: b\n");
  run.on("runner/GetResource", ({ kind, name }: GetResourceRequest) => {
    if (name === "b") throw new AppError("NOT_FOUND", "Agent/b does not exist");
    return { kind, name, version: 7, spec: { temperature: 0.1, model: "default" } };
  });
  const diff = await run("diff", "-f", file, "--exit-code");
  assert.equal(diff.code, 1);
  assert.match(
    diff.out,
    /^Agent\/a {2}v7 → v8\n.*model: default\n {2}- +temperature: 0\.1\n {2}\+ +temperature: 0\.3\n\nAgent\/b {2}new\n\n1 new, 1 changed, 0 the same\n$/s,
  );
  const yaml = await run("get", "agents", "a", "-o", "yaml");
  assert.equal(yaml.out, "kind: Agent\nname: a\nspec:\n  temperature: 0.1\n  model: default\n");
  writeFileSync(file, yaml.out);
  assert.equal((await run("diff", "-f", file, "--exit-code")).code, 0);
});

test("an earlier version is read with NAME@N, as apply takes it; what is no number is refused", async () => {
  await using run = await setUp();
  run.on("runner/GetResource", ({ kind, name, version }: GetResourceRequest) => {
    return { kind, name, version, spec: { temperature: version / 10 } };
  });
  const earlier = await run("get", "agent", "a@2", "-o", "yaml");
  assert.equal(earlier.out, "kind: Agent\nname: a\nspec:\n  temperature: 0.2\n");
  const refused = await run("get", "agent", "a@first");
  assert.deepEqual([refused.code, /number of a version/.test(refused.err)], [2, true]);
});

test("run prints an agent's text on standard output and the rest beside it", async () => {
  await using run = await setUp();
  run.on("runner/StreamAgent", async function* ({ agent, text, labels }: RunAgentRequest) {
    yield { seq: 1, event: { $case: "started", value: { agent } } };
    yield { seq: 2, event: { $case: "toolStarted", value: { tool: "kb", arguments: { query: text } } } };
    yield { seq: 3, event: { $case: "toolEnded", value: { tool: "kb", durationMs: 12, result: "found" } } };
    yield { seq: 4, event: { $case: "textDelta", value: "Hello " } };
    yield { seq: 5, event: { $case: "textDelta", value: `\u001b[2J${labels.ticket}` } };
    const failed = text === "fail";
    const failure = failed ? { failure: { code: "INVALID_OUTPUT", message: "no" } } : {};
    const state = failed ? "STATE_FAILED" : "STATE_SUCCEEDED";
    yield {
      seq: 6,
      event: { $case: "ended", value: { state, model: "embedded/lexical-1", ...failure, usage: { modelCalls: 2 } } },
    };
  });
  const { code, out, err } = await run("run", "agent/drafter", "--text", "hi", "--label", "ticket=T-1");
  assert.deepEqual([code, out], [0, "Hello [2JT-1\n"]);
  assert.match(err, /^→ kb \{"query":"hi"\}\n✓ kb 12 ms {2}found\n✓ .*2 model calls.*embedded\/lexical-1\n$/);
  const failed = await run("run", "agent/drafter", "--text", "fail");
  assert.equal(failed.code, 1);
  assert.match(failed.err, /INVALID_OUTPUT: no/);
  const json = (await run("run", "agent/drafter", "-t", "hi", "--json")).out.trim().split("\n");
  assert.deepEqual(
    json.map((line) => JSON.parse(line).seq),
    [1, 2, 3, 4, 5, 6],
  );
});

test("watch follows a run over a stream that breaks, and its exit code is the run's", async () => {
  await using run = await setUp();
  const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 12, 0, second));
  run.on("orchestrator/WatchRun", async function* ({ afterSeq }: WatchRunRequest) {
    if (afterSeq === 0) {
      yield { seq: 1, type: "run.started", at: at(0), data: { workflow: "triage", version: 3 } };
      yield { seq: 2, type: "step.dispatched", node: "classify", at: at(0), data: { attempt: 1 } };
      throw new AppError("UNAVAILABLE", "the gateway drains", { reason: "DRAINING" });
    }
    assert.equal(afterSeq, 2);
    yield { seq: 3, type: "step.failed", node: "classify", at: at(2), data: { code: "TIMEOUT", message: "too slow" } };
  });
  run.on("orchestrator/GetRun", () => ({
    id: "r1",
    state: "RUN_STATE_FAILED",
    failure: { code: "TIMEOUT", message: "too slow" },
  }));
  const { code, out } = await run("watch", "r1");
  assert.equal(code, 1);
  assert.match(
    out,
    /started triage v3\n.*→ classify\n.*✗ classify +TIMEOUT: too slow\n\nfailed .*r1\nTIMEOUT: too slow\n$/s,
  );
  const lines = (await run("watch", "r1", "--json")).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map((line) => line.event?.seq ?? line.run?.state),
    [1, 2, 3, "RUN_STATE_FAILED"],
  );
});

test("lists read page after page; tables are aligned and JSON keeps big numbers as text", async () => {
  await using run = await setUp();
  run.on("cost/ListLedger", ({ pageToken, pageSize }: { pageToken: string; pageSize: number }) => {
    const row = { attemptId: `a${pageToken}`, provider: "p", model: "m", costNanoUsd: 9_007_199_254_740_993n };
    return { rows: pageSize > 0 ? [row] : [], nextPageToken: pageToken === "2" ? "" : String(Number(pageToken) + 1) };
  });
  const json = JSON.parse((await run("ledger", "--json")).out);
  assert.deepEqual(
    json.rows.map((row: { attemptId: string }) => row.attemptId),
    ["a", "a1", "a2"],
  );
  assert.equal(json.rows[0].costNanoUsd, "9007199254740993");
  const lines = (await run("ledger", "--limit", "2")).out.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  assert.equal(lines[0]?.indexOf("ATTEMPT"), lines[1]?.lastIndexOf("a"));
  assert.match(lines[1] ?? "", /\$9,007,199\.25/);
});

test("api calls any method, in and out as JSON", async () => {
  await using run = await setUp();
  run.on("cost/GetSpend", ({ by, from }: GetSpendRequest) => {
    assert.equal(from?.toISOString(), "2026-11-01T00:00:00.000Z");
    return { rows: [{ group: { [by[0] ?? ""]: "x" }, costNanoUsd: 5n }] };
  });
  const { code, out } = await run("api", "GetSpend", '{"by":["model"],"from":"2026-11-01T00:00:00Z"}');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), { rows: [{ group: { model: "x" }, costNanoUsd: "5" }] });
  run.on("orchestrator/WatchRun", async function* () {
    yield { seq: 1 };
    yield { seq: 2 };
  });
  const stream = await run("api", "orchestrator/WatchRun", '{"id":"r"}');
  assert.equal(stream.out, '{"seq":1}\n{"seq":2}\n');
});

test("verdicts are exit codes: a broken audit trail, a service that is down", async () => {
  await using run = await setUp();
  run.on("compliance/VerifyAudit", () => ({
    verified: false,
    entries: 1234n,
    checkpoints: 2,
    problems: ["entry 7 is missing"],
  }));
  const audit = await run("audit", "verify");
  assert.equal(audit.code, 1);
  assert.match(audit.out, /^NOT VERIFIED: 1,234 entries, 2 checkpoints.*\n {2}! entry 7 is missing\n$/);
  run.on("gateway/GetMesh", () => ({
    services: [
      { name: "auth", serving: true, latencyUs: 900 },
      { name: "cost", reason: "refused" },
    ],
  }));
  const mesh = await run("mesh");
  assert.equal(mesh.code, 1);
  assert.match(mesh.out, /^SERVICE .*\nauth +serving +0\.9 ms\ncost +down +refused\n$/);
});
