// All of it: node services/auth/test/cedar/main.ts [REQUESTS] [SEED]; 100 000 take 15 s on a quiet core.
import { inspect } from "node:util";
import { compare } from "./compare.ts";

const [requests = "100000", seed = "1"] = process.argv.slice(2);
const startedAtMs = performance.now();
const found = compare(Number(requests), Number(seed));
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
console.log(`${found.requests} requests, ${found.allowed} allowed, seed ${seed}, ${seconds} s`);
if (found.disagreements.length > 0) {
  console.log(inspect(found.disagreements, { depth: 10 }));
  process.exitCode = 1;
} else console.log("no disagreement with Cedar");
