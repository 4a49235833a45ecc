import { findApiKeys } from "./api-key.ts";
import { recognises } from "./cases.fixture.ts";

// Put together here, so that no scanner of repositories takes them for real ones.
const body = "9fQ2xT7bLm4Kd8Zr1Wc6Yp3Nv5Hs0Jg2Ua7Ee4Bb";
const upper = "Q2XT7BLM4KD8ZR1W";
const hex = "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c";
const jwt = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2VyOjEifQ.${body}`;
const pem = `-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1\nduRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqG\n-----END EC PRIVATE KEY-----`;

const positives = [
  `«sk-${body}»`,
  `my key: «sk-proj-${body}».`,
  `«sk-ant-api03-${body}»`,
  `«sk_live_${body}»`,
  `token «ghp_${body.slice(0, 36)}»`,
  `«gho_${body.slice(0, 36)}»`,
  `«github_pat_${body}»`,
  `«glpat-${body.slice(0, 20)}»`,
  `«AKIA${upper}»`,
  `AWS_ACCESS_KEY_ID=«ASIA${upper}»`,
  `«AIza${body.slice(0, 35)}»`,
  `«xoxb-${"123456789012-"}${body.slice(0, 24)}»`,
  `«npm_${body.slice(0, 36)}»`,
  `Authorization: Bearer «${jwt}»`,
  `«${jwt}»`,
  `key:\n«${pem}»\nend`,
  "«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n»",
  `api_key=«${hex}»`,
  `"apiKey": "«${hex}»"`,
  `X-Api-Key: «${body}»`,
  `client_secret = '«${body}»'`,
  `ACCESS_TOKEN=«${hex}»&x=1`,
  `The API key: «${hex}»`,
  `secret: «${body}==»`,
  `Authorization: Basic «${body}=»`,
];

const negatives = [
  "sk-short",
  "sk-learn-is-a-wonderful-library-indeed",
  "task-sk-proj-x",
  "ghp_tooshort",
  `xghp_${body.slice(0, 36)}`,
  `AKIA${upper}Z`,
  `akia${upper.toLowerCase()}`,
  "AIzaSyShort",
  "xoxb-1",
  "eyJhbGciOiJFZERTQSJ9",
  "eyJhbGciOiJFZERTQSJ9.abc.def",
  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
  "api_key=your_api_key_goes_here",
  "api_key=<your key>",
  "api_key=aaaaaaaaaaaaaaaaaaaaaa1",
  "api_key=1234567890123456",
  "api_key=short1",
  "the secret: a good breakfast and a long walk",
  "token: https://example.com/a/b/c/1",
  `sha256: ${hex}`,
  `commit ${hex}`,
  "id=019a8f3e-7b2c-7d41-8a55-0c2f6b1e9d70",
  "monkey=9f8a7b6c5d4e3f2a1b0c9d8e",
];

recognises("api key", findApiKeys, positives, negatives);
