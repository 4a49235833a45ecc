import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { WebhookSpec } from "./trigger-spec.ts";
import { verifyWebhook, type WebhookRequest } from "./webhook-signature.ts";

const NOW_MS = 1_793_000_000_000;
const nowS = NOW_MS / 1000;
const key = Buffer.from("a key of twenty-four bytes!!");
const standardSecret = `whsec_${key.toString("base64")}`;

function hmac(secret: string | Buffer, text: string, encoding: "hex" | "base64"): string {
  return createHmac("sha256", secret).update(text).digest(encoding);
}

type Case = {
  readonly spec: WebhookSpec;
  readonly secret: string;
  readonly sign: (body: string, atS: number) => Record<string, string>;
  readonly id: string;
};

const common = { secret: "shop", toleranceS: 300 };
const cases: Readonly<Record<string, Case>> = {
  standard: {
    spec: { ...common, signature: { scheme: "standard" } },
    secret: standardSecret,
    sign: (body, atS) => ({
      "webhook-id": "msg_1",
      "webhook-timestamp": String(atS),
      "webhook-signature": `v1,${hmac(key, `msg_1.${atS}.${body}`, "base64")}`,
    }),
    id: "msg_1",
  },
  github: {
    spec: { ...common, signature: { scheme: "github" } },
    secret: "topsecret",
    sign: (body) => ({ "x-github-delivery": "d-1", "x-hub-signature-256": `sha256=${hmac("topsecret", body, "hex")}` }),
    id: "d-1",
  },
  stripe: {
    spec: { ...common, signature: { scheme: "stripe" } },
    secret: "whsec_stripe",
    sign: (body, atS) => ({ "stripe-signature": `t=${atS},v1=${hmac("whsec_stripe", `${atS}.${body}`, "hex")},v0=00` }),
    id: "evt_1",
  },
  "hmac-sha256": {
    spec: {
      ...common,
      signature: { scheme: "hmac-sha256", header: "x-sig", encoding: "base64", prefix: "v=", idHeader: "x-id" },
    },
    secret: "plain",
    sign: (body) => ({ "x-id": "7", "x-sig": `v=${hmac("plain", body, "base64")}` }),
    id: "7",
  },
};

const body = JSON.stringify({ id: "evt_1", amount: 12 });

function request(headers: Record<string, string>, text = body): WebhookRequest {
  return { headers, body: Buffer.from(text) };
}

for (const [name, { spec, secret, sign, id }] of Object.entries(cases)) {
  test(`${name}: what its holder signed is genuine, and nothing else is`, () => {
    const headers = sign(body, nowS);
    const verify = (given: WebhookRequest, secrets = [secret], nowMs = NOW_MS) =>
      verifyWebhook(spec, secrets, given, nowMs);
    assert.deepEqual(verify(request(headers)), { genuine: true, id });
    assert.deepEqual(verify(request(headers), ["another", secret]), { genuine: true, id }, "a secret being rotated");
    assert.equal(verify(request(headers, `${body} `)).genuine, false, "a changed body");
    assert.equal(verify(request(headers), ["another"]).genuine, false, "another's secret");
    assert.equal(verify(request(headers), []).genuine, false, "no secret at all");
    assert.equal(verify(request({})).genuine, false, "no signature");
    for (const header of Object.keys(headers)) {
      const { [header]: _, ...others } = headers;
      assert.equal(verify(request(others)).genuine, false, `without ${header}`);
      assert.equal(verify(request({ ...headers, [header]: "" })).genuine, false, `with ${header} empty`);
    }
  });
}

test("an old signature, or one of the future, is not taken where the scheme has a time", () => {
  for (const name of ["standard", "stripe"]) {
    const found = cases[name];
    assert.ok(found);
    for (const offS of [-301, 301]) {
      const late = verifyWebhook(found.spec, [found.secret], request(found.sign(body, nowS + offS)), NOW_MS);
      assert.equal(late.genuine, false, `${name} ${offS}`);
    }
    const edge = verifyWebhook(found.spec, [found.secret], request(found.sign(body, nowS - 299)), NOW_MS);
    assert.equal(edge.genuine, true);
  }
});

test("whatever headers come, a request without the secret is never genuine and nothing throws", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("v1,", "t=1,v1=", "sha256=", "v=", String(nowS), "=,=,"));
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-hub-signature-256"];
  const headers = fc.dictionary(fc.constantFrom(...names, "x-github-delivery", "x-sig", "x-id"), text);
  fc.assert(
    fc.property(
      headers,
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(...Object.values(cases)),
      (given, bytes, one) => {
        const verified = verifyWebhook(one.spec, [one.secret], { headers: { ...given }, body: bytes }, NOW_MS);
        assert.equal(verified.genuine, false);
      },
    ),
  );
});
