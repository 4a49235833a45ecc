// Three systems that know nothing of the mesh: hotels, flights, payments. node examples/workflows/systems.mjs [--port N]
// POST /hotels and so on books, DELETE /hotels/{key} takes it back; both do it once for the same idempotency key.
// POST /fail/payments makes a system refuse what is booked, /fail/cancellations what is taken back; /mend/… ends that.
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string", default: "7480" } } });
const systems = { hotels: new Map(), flights: new Map(), payments: new Map() };
const failing = new Set();
/** By idempotency key. */
const done = new Map();

function say(text) {
  process.stdout.write(`${text}\n`);
}

/** A trip or an order. */
function ofWhat({ trip, order }) {
  return trip ?? order;
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : JSON.parse(text);
}

/** What came with this key before is answered and not done again. */
function book(name, key, body) {
  const known = done.get(key);
  if (known) return known;
  const system = systems[name];
  const entry = { id: `${name}-${done.size + 1}`, ...body };
  system.set(ofWhat(body), entry);
  done.set(key, entry);
  say(`${name}: booked ${entry.id} for ${ofWhat(body)}${body.usd ? `, ${body.usd} USD` : ""}`);
  return entry;
}

/** Safe where there is nothing to take back. */
function takeBack(name, what) {
  const entry = systems[name].get(what);
  if (!entry || entry.cancelled) return { cancelled: false };
  entry.cancelled = true;
  say(`${name}: took ${entry.id} back`);
  return { cancelled: true };
}

async function answer(request) {
  const [, name = "", part = ""] = new URL(request.url ?? "/", "http://localhost").pathname.split("/");
  if (name === "fail" || name === "mend") {
    failing[name === "fail" ? "add" : "delete"](part);
    return [200, { failing: [...failing] }];
  }
  if (!Object.hasOwn(systems, name)) return [404, { error: `there are ${Object.keys(systems).join(", ")}` }];
  if (request.method === "GET") return [200, [...systems[name].values()]];
  const isBack = request.method === "DELETE";
  const body = isBack ? {} : await bodyOf(request);
  const what = isBack ? decodeURIComponent(part) : ofWhat(body);
  const refusing = isBack ? "cancellations" : name;
  if (failing.has(refusing)) {
    say(`${name}: refused ${isBack ? "to take back " : ""}${what}`);
    return [422, { error: `${name} refuses` }];
  }
  return [200, isBack ? takeBack(name, what) : book(name, String(request.headers["idempotency-key"]), body)];
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
});
server.listen(Number(values.port), "127.0.0.1", () => say(`systems on http://127.0.0.1:${server.address().port}`));
