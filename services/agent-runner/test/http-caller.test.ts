import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "undici";
import { openHttpCaller } from "../src/tools/open-http-caller.ts";
import { answers, startUpstream } from "./scripted-upstream.ts";

test("private, link-local and loopback addresses are refused as such, and by what a name resolves to", async () => {
  await using http = openHttpCaller({ allowPrivateNetworks: false });
  const refused = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://10.1.2.3/",
    "http://169.254.169.254/latest/meta-data",
    "http://192.168.0.1/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[fd00::1]/",
    "http://[2002:a00:1::1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://192.0.2.1/",
  ];
  for (const url of refused) {
    assert.throws(() => http.assertAllowed(new URL(url)), { reason: "PRIVATE_NETWORK" }, url);
  }
  for (const url of [
    "https://93.184.215.14/",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    "https://example.com/",
  ]) {
    http.assertAllowed(new URL(url));
  }
  await using upstream = await startUpstream();
  upstream.play(answers(200, "inside"));
  const url = upstream.origin.replace("127.0.0.1", "localhost");
  await assert.rejects(request(url, { dispatcher: await http.dispatcher() }), { reason: "PRIVATE_NETWORK" });
  assert.equal(upstream.asked.length, 0);
  await using open = openHttpCaller({ allowPrivateNetworks: true });
  assert.equal((await request(url, { dispatcher: await open.dispatcher() })).statusCode, 200);
});
