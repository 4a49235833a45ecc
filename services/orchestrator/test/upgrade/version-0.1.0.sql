-- The schema of an orchestrator of version 0.1.0 in the middle of work, with one replica and a credit of 12 steps.
-- Made by its own code: workflows and a trigger were applied, runs started, a worker did some of their steps and kept
-- others for ever; then it was stopped, 20 more runs were started, `row` and `fan` got a second version, and the schema
-- was dumped (pg_dump --schema=orchestrator --no-owner --no-privileges --rows-per-insert=50) before any lease ended.
-- Left out: comments, settings, CREATE SCHEMA, and the rows of outbox_sent.
-- made at 2026-11-20T19:10:53.954Z
CREATE TABLE orchestrator.dead_letter (
    id bigint NOT NULL,
    consumer text NOT NULL,
    msg_id text NOT NULL,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    reason text NOT NULL,
    deliveries integer NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE orchestrator.dead_letter ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.dead_letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE orchestrator.inbox (
    consumer text NOT NULL,
    msg_id text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE orchestrator.outbox (
    id bigint NOT NULL,
    msg_id text NOT NULL,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE orchestrator.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME orchestrator.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE orchestrator.outbox_sent (
    id bigint NOT NULL,
    msg_id text NOT NULL,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    stream_made text NOT NULL,
    stream_seq bigint NOT NULL,
    sent_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE orchestrator.pruned (
    single boolean DEFAULT true NOT NULL,
    up_to uuid NOT NULL,
    CONSTRAINT pruned_single_check CHECK (single)
);
CREATE TABLE orchestrator.rejection (
    id uuid NOT NULL,
    tenant text NOT NULL,
    trigger text NOT NULL,
    delivery text NOT NULL,
    subject text NOT NULL,
    event_id text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE orchestrator.resource (
    tenant text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    labels jsonb NOT NULL,
    spec json NOT NULL,
    hash text NOT NULL,
    deleted boolean DEFAULT false NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    applied_by text NOT NULL
);
CREATE TABLE orchestrator.resource_version (
    tenant text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    labels jsonb NOT NULL,
    spec json NOT NULL,
    hash text NOT NULL,
    deleted boolean NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    applied_by text NOT NULL
);
CREATE TABLE orchestrator.run (
    id uuid NOT NULL,
    tenant text NOT NULL,
    workflow text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    priority smallint NOT NULL,
    subject text NOT NULL,
    origin text NOT NULL,
    dedupe_key text,
    seq integer NOT NULL,
    cancel_requested boolean DEFAULT false NOT NULL,
    input json NOT NULL,
    output json,
    failure json,
    cost_nano_usd bigint DEFAULT 0 NOT NULL,
    traceparent text,
    created_at timestamp with time zone NOT NULL,
    deadline timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    wake_at timestamp with time zone
)
WITH (fillfactor='60');
CREATE TABLE orchestrator.run_event (
    run uuid NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    events json NOT NULL
);
CREATE TABLE orchestrator.schema_migration (
    source text NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE orchestrator.step (
    run uuid NOT NULL,
    node text NOT NULL,
    shard smallint NOT NULL,
    state text NOT NULL,
    epoch integer NOT NULL,
    done_epoch integer NOT NULL,
    attempt smallint NOT NULL,
    takeovers smallint NOT NULL,
    gate_retries smallint NOT NULL,
    queued boolean NOT NULL,
    priority smallint NOT NULL,
    deadline timestamp with time zone NOT NULL,
    worker text NOT NULL,
    ready_at timestamp with time zone,
    dispatched_at timestamp with time zone,
    lease_until timestamp with time zone,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    input json NOT NULL,
    output json,
    failure json,
    cost_nano_usd bigint NOT NULL
)
WITH (fillfactor='60');
CREATE TABLE orchestrator.trigger_binding (
    tenant text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    spec jsonb NOT NULL,
    filter text NOT NULL,
    durable text NOT NULL,
    since timestamp with time zone NOT NULL
);
CREATE TABLE orchestrator.trigger_gone (
    durable text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
INSERT INTO orchestrator.pruned VALUES
	(true, '00000000-0000-0000-0000-000000000000');
INSERT INTO orchestrator.resource VALUES
	('acme', 'Workflow', 'flaky', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"flaky","retry":{"attempts":3,"delayMs":600000,"maxDelayMs":600000}},{"id":"b","kind":"tool","tool":"echo","dependsOn":["a"],"input":"$.steps.a.output"}],"output":"$.steps.b.output"}', '7f759c942c52555f0bdbbecc9e80f70604a5588ac19c74b99d59e9557cf07658', false, '2026-11-20 19:10:52.706+00', 'user:test'),
	('acme', 'Workflow', 'gated', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"agent","agent":"scores","input":{},"gate":{"value":"$.output.score","atLeast":0.8,"onFail":"retry"},"timeoutMs":3000000},{"id":"b","kind":"tool","tool":"broken","dependsOn":["a"],"onFailure":"continue"},{"id":"c","kind":"tool","tool":"echo","dependsOn":["b"],"input":"$.steps.a.output.score"}],"output":"$.steps.c.output"}', '8efb8c1d9bff2934dcd202de940a00c0fbee06229608d798f375cd1140e92eb7', false, '2026-11-20 19:10:52.738+00', 'user:test'),
	('acme', 'Workflow', 'broken', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"echo"},{"id":"b","kind":"tool","tool":"broken","dependsOn":["a"]}]}', '33dfe81451b7287cd82deab02d95c68ae3de2e38a9436dfeaa97a0532787bd91', false, '2026-11-20 19:10:52.766+00', 'user:test'),
	('acme', 'Workflow', 'backlog', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"echo","input":"$.input.n"},{"id":"b","kind":"tool","tool":"echo","dependsOn":["a"],"input":"$.steps.a.output"}],"output":"$.steps.b.output"}', '1cbcece3c064f13318e155083b91a267a44c41f803f277d8471955bcfff79410', false, '2026-11-20 19:10:52.794+00', 'user:test'),
	('acme', 'Trigger', 'on-opened', 1, '{}', '{"event":{"type":"ticket.opened","publisher":"helpdesk"},"workflow":"backlog","runAs":"triage"}', '1209a3241fb2a7414f6cdf3d3108317dc852ea36fbead3c6b6f87070ba196c23', false, '2026-11-20 19:10:52.818+00', 'user:test'),
	('acme', 'Workflow', 'row', 2, '{}', '{"deadlineMs":7200000,"steps":[{"id":"other","kind":"tool","tool":"echo","input":"the second version"}],"output":"$.steps.other.output"}', 'ff1254dc0abc42e78adba6f4f04f301460ea687fcf2b49ef51f367497c5f492e', false, '2026-11-20 19:10:53.85+00', 'user:test'),
	('acme', 'Workflow', 'fan', 2, '{}', '{"deadlineMs":7200000,"steps":[{"id":"other","kind":"tool","tool":"echo","input":"the second version"}],"output":"$.steps.other.output"}', 'ff1254dc0abc42e78adba6f4f04f301460ea687fcf2b49ef51f367497c5f492e', false, '2026-11-20 19:10:53.93+00', 'user:test');
INSERT INTO orchestrator.resource_version VALUES
	('acme', 'Workflow', 'row', 1, '{}', '{"deadlineMs":7200000,"input":{"type":"object","required":["n"]},"steps":[{"id":"a","kind":"tool","tool":"echo","input":{"n":"$.input.n"}},{"id":"b","kind":"agent","agent":"holds","dependsOn":["a"],"input":{"text":"$.steps.a.output.n"},"timeoutMs":3000000},{"id":"c","kind":"emit","dependsOn":["b"],"event":{"type":"row.done","key":"$.input.n"},"input":{"n":"$.input.n"}},{"id":"d","kind":"tool","tool":"echo","dependsOn":["c"],"input":{"last":"$.steps.b.output.agent"}}],"output":{"first":"$.steps.a.output.n","last":"$.steps.d.output.last"}}', '32b9ca0ceaf0bff80c9527762836963fdaeaaf5911918594fe3ad01f0afac600', false, '2026-11-20 19:10:52.535+00', 'user:test'),
	('acme', 'Workflow', 'fan', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"echo","input":1},{"id":"left","kind":"tool","tool":"echo","dependsOn":["a"],"input":"$.steps.a.output"},{"id":"right","kind":"tool","tool":"holds","dependsOn":["a"],"input":"$.steps.a.output","timeoutMs":3000000},{"id":"never","kind":"tool","tool":"echo","dependsOn":["a"],"when":{"value":"$.steps.a.output","equals":2}},{"id":"join","kind":"tool","tool":"echo","dependsOn":["left","right","never"],"input":{"left":"$.steps.left.output","right":"$.steps.right.output","never":"$.steps.never.state"}}],"output":"$.steps.join.output"}', 'b4f9ecdc0e7c78bb2ce85d247172cb2e27d2cd718e084cc10dfd79af52da3ff6', false, '2026-11-20 19:10:52.637+00', 'user:test'),
	('acme', 'Workflow', 'flaky', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"flaky","retry":{"attempts":3,"delayMs":600000,"maxDelayMs":600000}},{"id":"b","kind":"tool","tool":"echo","dependsOn":["a"],"input":"$.steps.a.output"}],"output":"$.steps.b.output"}', '7f759c942c52555f0bdbbecc9e80f70604a5588ac19c74b99d59e9557cf07658', false, '2026-11-20 19:10:52.706+00', 'user:test'),
	('acme', 'Workflow', 'gated', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"agent","agent":"scores","input":{},"gate":{"value":"$.output.score","atLeast":0.8,"onFail":"retry"},"timeoutMs":3000000},{"id":"b","kind":"tool","tool":"broken","dependsOn":["a"],"onFailure":"continue"},{"id":"c","kind":"tool","tool":"echo","dependsOn":["b"],"input":"$.steps.a.output.score"}],"output":"$.steps.c.output"}', '8efb8c1d9bff2934dcd202de940a00c0fbee06229608d798f375cd1140e92eb7', false, '2026-11-20 19:10:52.738+00', 'user:test'),
	('acme', 'Workflow', 'broken', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"echo"},{"id":"b","kind":"tool","tool":"broken","dependsOn":["a"]}]}', '33dfe81451b7287cd82deab02d95c68ae3de2e38a9436dfeaa97a0532787bd91', false, '2026-11-20 19:10:52.766+00', 'user:test'),
	('acme', 'Workflow', 'backlog', 1, '{}', '{"deadlineMs":7200000,"steps":[{"id":"a","kind":"tool","tool":"echo","input":"$.input.n"},{"id":"b","kind":"tool","tool":"echo","dependsOn":["a"],"input":"$.steps.a.output"}],"output":"$.steps.b.output"}', '1cbcece3c064f13318e155083b91a267a44c41f803f277d8471955bcfff79410', false, '2026-11-20 19:10:52.794+00', 'user:test'),
	('acme', 'Trigger', 'on-opened', 1, '{}', '{"event":{"type":"ticket.opened","publisher":"helpdesk"},"workflow":"backlog","runAs":"triage"}', '1209a3241fb2a7414f6cdf3d3108317dc852ea36fbead3c6b6f87070ba196c23', false, '2026-11-20 19:10:52.818+00', 'user:test'),
	('acme', 'Workflow', 'row', 2, '{}', '{"deadlineMs":7200000,"steps":[{"id":"other","kind":"tool","tool":"echo","input":"the second version"}],"output":"$.steps.other.output"}', 'ff1254dc0abc42e78adba6f4f04f301460ea687fcf2b49ef51f367497c5f492e', false, '2026-11-20 19:10:53.85+00', 'user:test'),
	('acme', 'Workflow', 'fan', 2, '{}', '{"deadlineMs":7200000,"steps":[{"id":"other","kind":"tool","tool":"echo","input":"the second version"}],"output":"$.steps.other.output"}', 'ff1254dc0abc42e78adba6f4f04f301460ea687fcf2b49ef51f367497c5f492e', false, '2026-11-20 19:10:53.93+00', 'user:test');
INSERT INTO orchestrator.run VALUES
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 'acme', 'backlog', 1, 'succeeded', 5, 'user:test', 'api:01a1fa5e-65c9-7000-849b-5e513a905bdb', 'once', 6, false, '{"n":1}', '1', NULL, 10, NULL, '2026-11-20 19:10:52.89+00', '2026-11-20 21:10:52.89+00', '2026-11-20 19:10:52.972+00', NULL),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 'acme', 'broken', 1, 'failed', 5, 'user:test', 'api:01a1fa5e-65ec-7000-a67d-74685f40a151', NULL, 6, false, '{}', NULL, '{"code":"INVALID_ARGUMENT","message":"step b: no such thing","retryable":false}', 5, NULL, '2026-11-20 19:10:52.921+00', '2026-11-20 21:10:52.921+00', '2026-11-20 19:10:53.047+00', NULL),
	('01a1fa5e-6664-7000-a562-aabd12be9838', 'acme', 'flaky', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6655-7000-b1ce-16c430d2b453', NULL, 3, false, '{}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.028+00', '2026-11-20 21:10:53.028+00', NULL, '2026-11-20 19:11:23.028+00'),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 'acme', 'fan', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6631-7000-a4bc-587ff9938e4b', NULL, 7, false, '{}', NULL, NULL, 10, NULL, '2026-11-20 19:10:52.995+00', '2026-11-20 21:10:52.995+00', NULL, '2026-11-20 19:11:22.995+00'),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 'acme', 'row', 1, 'running', 5, 'user:test', 'api:01a1fa5e-661d-7000-8d83-356c5a5bba6b', NULL, 5, false, '{"n":7}', NULL, NULL, 5, NULL, '2026-11-20 19:10:52.96+00', '2026-11-20 21:10:52.96+00', NULL, '2026-11-20 19:11:22.96+00'),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 'acme', 'gated', 1, 'running', 5, 'user:test', 'api:01a1fa5e-66bf-7001-b01a-fda2b4e67002', NULL, 6, false, '{}', NULL, NULL, 700, NULL, '2026-11-20 19:10:53.178+00', '2026-11-20 21:10:53.178+00', NULL, '2026-11-20 19:11:23.178+00'),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 'acme', 'row', 1, 'cancelled', 5, 'user:test', 'api:01a1fa5e-6605-7000-ba47-493f5506d977', NULL, 7, true, '{"n":0}', NULL, '{"code":"CANCELLED","message":"no longer wanted","retryable":false}', 5, NULL, '2026-11-20 19:10:52.949+00', '2026-11-20 21:10:52.949+00', '2026-11-20 19:10:53.298+00', NULL),
	('01a1fa5e-678e-7000-b0cd-208ff72a5312', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-678b-7000-9146-6a28364b159d', NULL, 2, false, '{"n":0}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.326+00', '2026-11-20 21:10:53.326+00', NULL, '2026-11-20 19:11:23.326+00'),
	('01a1fa5e-67a7-7000-b476-d9c1785fc419', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67a0-7000-89fe-5a733e2478aa', NULL, 2, false, '{"n":1}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.351+00', '2026-11-20 21:10:53.351+00', NULL, '2026-11-20 19:11:23.351+00'),
	('01a1fa5e-67ba-7000-a0d7-775a3da9eaaf', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67b1-7000-9972-f72df5d0fb99', NULL, 2, false, '{"n":2}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.37+00', '2026-11-20 21:10:53.37+00', NULL, '2026-11-20 19:11:23.37+00'),
	('01a1fa5e-67c8-7000-baf2-8ba36b2a791d', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67c7-7000-bf30-a1cefde3185b', NULL, 2, false, '{"n":3}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.384+00', '2026-11-20 21:10:53.384+00', NULL, '2026-11-20 19:11:23.384+00'),
	('01a1fa5e-67d5-7000-bb0b-7dd09c6ddf3d', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67cc-7000-aa64-83d7460cf454', NULL, 2, false, '{"n":4}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.397+00', '2026-11-20 21:10:53.397+00', NULL, '2026-11-20 19:11:23.397+00'),
	('01a1fa5e-67ec-7001-9abb-fe374e90429f', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67ec-7000-9118-538ee5588199', NULL, 2, false, '{"n":6}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.42+00', '2026-11-20 21:10:53.42+00', NULL, '2026-11-20 19:11:23.42+00'),
	('01a1fa5e-680a-7000-89d6-05c6b3f499b4', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6803-7000-9ae5-75a390c52c34', NULL, 2, false, '{"n":8}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.45+00', '2026-11-20 21:10:53.45+00', NULL, '2026-11-20 19:11:23.45+00'),
	('01a1fa5e-684f-7000-9b93-381bc1ffb02a', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-684e-7000-b8d2-f893d9378491', NULL, 2, false, '{"n":11}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.519+00', '2026-11-20 21:10:53.519+00', NULL, '2026-11-20 19:11:23.519+00'),
	('01a1fa5e-694a-7000-ad99-30ae434bb85f', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6949-7000-8288-05d67af3d567', NULL, 2, false, '{"n":16}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.77+00', '2026-11-20 21:10:53.77+00', NULL, '2026-11-20 19:11:23.77+00'),
	('01a1fa5e-67e3-7000-a4c7-07156561c5b6', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67db-7000-8df5-71d6165bf746', NULL, 2, false, '{"n":5}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.411+00', '2026-11-20 21:10:53.411+00', NULL, '2026-11-20 19:11:23.411+00'),
	('01a1fa5e-67f9-7000-b222-ca1976bcf7ed', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-67f6-7000-8c67-0cf4b45c5788', NULL, 2, false, '{"n":7}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.433+00', '2026-11-20 21:10:53.433+00', NULL, '2026-11-20 19:11:23.433+00'),
	('01a1fa5e-6833-7000-b6b7-3a9b1fd188e6', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6832-7000-b710-47e11c7bcb56', NULL, 2, false, '{"n":9}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.491+00', '2026-11-20 21:10:53.491+00', NULL, '2026-11-20 19:11:23.491+00'),
	('01a1fa5e-68bd-7000-8e5d-c46aa6899765', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6894-7000-8fa6-1b89e1f44b35', NULL, 2, false, '{"n":12}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.629+00', '2026-11-20 21:10:53.629+00', NULL, '2026-11-20 19:11:23.629+00'),
	('01a1fa5e-68f7-7000-95d9-81bd42a8a4fa', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-68f3-7000-a619-ccd7cff5be16', NULL, 2, false, '{"n":13}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.687+00', '2026-11-20 21:10:53.687+00', NULL, '2026-11-20 19:11:23.687+00'),
	('01a1fa5e-6941-7000-9284-552b69d000a3', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-690d-7000-85a5-cb55876933d0', NULL, 2, false, '{"n":14}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.761+00', '2026-11-20 21:10:53.761+00', NULL, '2026-11-20 19:11:23.761+00'),
	('01a1fa5e-6945-7000-9723-a59743e9d281', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6944-7000-b6bf-1b0496077f9d', NULL, 2, false, '{"n":15}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.765+00', '2026-11-20 21:10:53.765+00', NULL, '2026-11-20 19:11:23.765+00'),
	('01a1fa5e-684a-7000-8e1f-341187d0f3d0', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6849-7000-88f2-9a374db2037b', NULL, 2, false, '{"n":10}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.514+00', '2026-11-20 21:10:53.514+00', NULL, '2026-11-20 19:11:23.514+00'),
	('01a1fa5e-694f-7000-92cc-63474cad175b', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-694d-7000-8885-2e48e411259f', NULL, 2, false, '{"n":17}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.775+00', '2026-11-20 21:10:53.775+00', NULL, '2026-11-20 19:11:23.775+00'),
	('01a1fa5e-695c-7000-84f7-70d279f9a26e', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6956-7000-92f9-b2cf6e05712c', NULL, 2, false, '{"n":18}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.788+00', '2026-11-20 21:10:53.788+00', NULL, '2026-11-20 19:11:23.788+00'),
	('01a1fa5e-696f-7000-8560-91100abf97d0', 'acme', 'backlog', 1, 'running', 5, 'user:test', 'api:01a1fa5e-6964-7000-9ea5-5456b98da716', NULL, 2, false, '{"n":19}', NULL, NULL, 0, NULL, '2026-11-20 19:10:53.807+00', '2026-11-20 21:10:53.807+00', NULL, '2026-11-20 19:11:23.807+00');
INSERT INTO orchestrator.run_event VALUES
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 2, '2026-11-20 19:10:52.873868+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-65c9-7000-849b-5e513a905bdb"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 2, '2026-11-20 19:10:52.908872+00', '[{"type":"run.started","node":"","data":{"workflow":"broken","version":1,"origin":"api:01a1fa5e-65ec-7000-a67d-74685f40a151"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 4, '2026-11-20 19:10:52.92732+00', '[{"type":"step.succeeded","node":"a","data":{"attempt":1,"durationMs":1}},{"type":"step.dispatched","node":"b","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 2, '2026-11-20 19:10:52.93531+00', '[{"type":"run.started","node":"","data":{"workflow":"row","version":1,"origin":"api:01a1fa5e-6605-7000-ba47-493f5506d977"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 2, '2026-11-20 19:10:52.95872+00', '[{"type":"run.started","node":"","data":{"workflow":"row","version":1,"origin":"api:01a1fa5e-661d-7000-8d83-356c5a5bba6b"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 4, '2026-11-20 19:10:52.960625+00', '[{"type":"step.succeeded","node":"a","data":{"attempt":1,"durationMs":1}},{"type":"step.dispatched","node":"b","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 6, '2026-11-20 19:10:52.970839+00', '[{"type":"step.succeeded","node":"b","data":{"attempt":1,"durationMs":1}},{"type":"run.succeeded","node":"","data":{}}]'),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 4, '2026-11-20 19:10:52.970839+00', '[{"type":"step.succeeded","node":"a","data":{"attempt":1,"durationMs":1}},{"type":"step.dispatched","node":"b","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 2, '2026-11-20 19:10:52.978893+00', '[{"type":"run.started","node":"","data":{"workflow":"fan","version":1,"origin":"api:01a1fa5e-6631-7000-a4bc-587ff9938e4b"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6664-7000-a562-aabd12be9838', 2, '2026-11-20 19:10:53.014154+00', '[{"type":"run.started","node":"","data":{"workflow":"flaky","version":1,"origin":"api:01a1fa5e-6655-7000-b1ce-16c430d2b453"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 6, '2026-11-20 19:10:53.044817+00', '[{"type":"step.failed","node":"b","data":{"code":"INVALID_ARGUMENT","message":"no such thing","attempt":1}},{"type":"run.failed","node":"","data":{"code":"INVALID_ARGUMENT","message":"step b: no such thing"}}]'),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 5, '2026-11-20 19:10:53.062638+00', '[{"type" : "step.started", "node" : "b", "data" : {"epoch" : 1, "attempt" : 1, "worker" : "worker-0.1.0"}}]'),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 6, '2026-11-20 19:10:53.064596+00', '[{"type":"step.succeeded","node":"a","data":{"attempt":1,"durationMs":1}},{"type":"step.dispatched","node":"left","data":{"epoch":1,"attempt":1}},{"type":"step.dispatched","node":"right","data":{"epoch":1,"attempt":1}},{"type":"step.skipped","node":"never","data":{}}]'),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 2, '2026-11-20 19:10:53.128502+00', '[{"type":"run.started","node":"","data":{"workflow":"gated","version":1,"origin":"api:01a1fa5e-66bf-7001-b01a-fda2b4e67002"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 7, '2026-11-20 19:10:53.182056+00', '[{"type":"step.succeeded","node":"left","data":{"attempt":1,"durationMs":1}}]'),
	('01a1fa5e-6664-7000-a562-aabd12be9838', 3, '2026-11-20 19:10:53.182056+00', '[{"type":"step.retried","node":"a","data":{"code":"UNAVAILABLE","message":"not yet","attempt":2,"delayMs":30949}}]'),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 4, '2026-11-20 19:10:53.131514+00', '[{"type":"step.succeeded","node":"a","data":{"attempt":1,"durationMs":1}},{"type":"step.dispatched","node":"b","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 3, '2026-11-20 19:10:53.214279+00', '[{"type" : "step.started", "node" : "a", "data" : {"epoch" : 1, "attempt" : 1, "worker" : "worker-0.1.0"}}]'),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 5, '2026-11-20 19:10:53.214242+00', '[{"type":"step.retried","node":"a","data":{"code":"GATE_FAILED","message":"the gate wants $.output.score to be at least 0.8, and it is 0.2","attempt":2,"delayMs":0}},{"type":"step.dispatched","node":"a","data":{"epoch":2,"attempt":2}}]'),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 5, '2026-11-20 19:10:53.220947+00', '[{"type" : "step.started", "node" : "b", "data" : {"epoch" : 1, "attempt" : 1, "worker" : "worker-0.1.0"}}]'),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 6, '2026-11-20 19:10:53.266262+00', '[{"type" : "step.started", "node" : "a", "data" : {"epoch" : 2, "attempt" : 2, "worker" : "worker-0.1.0"}}]'),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 7, '2026-11-20 19:10:53.297246+00', '[{"type":"step.cancelled","node":"b","data":{}},{"type":"run.cancelled","node":"","data":{"code":"CANCELLED","message":"no longer wanted"}}]'),
	('01a1fa5e-678e-7000-b0cd-208ff72a5312', 2, '2026-11-20 19:10:53.324327+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-678b-7000-9146-6a28364b159d"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67a7-7000-b476-d9c1785fc419', 2, '2026-11-20 19:10:53.34782+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67a0-7000-89fe-5a733e2478aa"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67ba-7000-a0d7-775a3da9eaaf', 2, '2026-11-20 19:10:53.361654+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67b1-7000-9972-f72df5d0fb99"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67c8-7000-baf2-8ba36b2a791d', 2, '2026-11-20 19:10:53.383637+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67c7-7000-bf30-a1cefde3185b"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67d5-7000-bb0b-7dd09c6ddf3d', 2, '2026-11-20 19:10:53.395625+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67cc-7000-aa64-83d7460cf454"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67e3-7000-a4c7-07156561c5b6', 2, '2026-11-20 19:10:53.409398+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67db-7000-8df5-71d6165bf746"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67ec-7001-9abb-fe374e90429f', 2, '2026-11-20 19:10:53.420465+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67ec-7000-9118-538ee5588199"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-67f9-7000-b222-ca1976bcf7ed', 2, '2026-11-20 19:10:53.431065+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-67f6-7000-8c67-0cf4b45c5788"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-680a-7000-89d6-05c6b3f499b4', 2, '2026-11-20 19:10:53.443478+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6803-7000-9ae5-75a390c52c34"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-6833-7000-b6b7-3a9b1fd188e6', 2, '2026-11-20 19:10:53.491002+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6832-7000-b710-47e11c7bcb56"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-684a-7000-8e1f-341187d0f3d0', 2, '2026-11-20 19:10:53.513606+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6849-7000-88f2-9a374db2037b"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-694f-7000-92cc-63474cad175b', 2, '2026-11-20 19:10:53.77442+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-694d-7000-8885-2e48e411259f"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-684f-7000-9b93-381bc1ffb02a', 2, '2026-11-20 19:10:53.519117+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-684e-7000-b8d2-f893d9378491"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-694a-7000-ad99-30ae434bb85f', 2, '2026-11-20 19:10:53.770192+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6949-7000-8288-05d67af3d567"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-68bd-7000-8e5d-c46aa6899765', 2, '2026-11-20 19:10:53.588469+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6894-7000-8fa6-1b89e1f44b35"}},{"type":"step.dispatched","node":"a","data":{"epoch":1,"attempt":1}}]'),
	('01a1fa5e-68f7-7000-95d9-81bd42a8a4fa', 2, '2026-11-20 19:10:53.6844+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-68f3-7000-a619-ccd7cff5be16"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-6941-7000-9284-552b69d000a3', 2, '2026-11-20 19:10:53.710163+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-690d-7000-85a5-cb55876933d0"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-6945-7000-9723-a59743e9d281', 2, '2026-11-20 19:10:53.764877+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6944-7000-b6bf-1b0496077f9d"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-695c-7000-84f7-70d279f9a26e', 2, '2026-11-20 19:10:53.783405+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6956-7000-92f9-b2cf6e05712c"}},{"type":"step.queued","node":"a","data":{}}]'),
	('01a1fa5e-696f-7000-8560-91100abf97d0', 2, '2026-11-20 19:10:53.800873+00', '[{"type":"run.started","node":"","data":{"workflow":"backlog","version":1,"origin":"api:01a1fa5e-6964-7000-9ea5-5456b98da716"}},{"type":"step.queued","node":"a","data":{}}]');
INSERT INTO orchestrator.schema_migration VALUES
	('bus', '0001-outbox-inbox.sql', 'a0a6e04721b04f379577c532f0f0d69f64fa61884f29332432a6202d2f80c3d1', '2026-11-20 19:10:52.144375+00'),
	('bus', '0002-outbox-sent.sql', 'b11e92f145705e4146b6581b2f1810018785a67392db9c3b080d00200b85b51f', '2026-11-20 19:10:52.242273+00'),
	('resources', '0001-resource.sql', 'fa3bba2ff6fd36643f0e413c4f5e0077e3a7dbce14f08f3d9f412a96f16d5b9b', '2026-11-20 19:10:52.251121+00'),
	('orchestrator', '0001-runs.sql', '1b0521c32f7df8a9106533855c533205d003795a29e7338cff6f7c045e5f2ae2', '2026-11-20 19:10:52.268607+00');
INSERT INTO orchestrator.step VALUES
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 'a', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.89+00', '', NULL, NULL, NULL, '2026-11-20 19:10:52.911+00', '2026-11-20 19:10:52.929+00', '1', '1', NULL, 5),
	('01a1fa5e-66fa-7000-b63d-78ded562c349', 'a', 0, 'running', 2, 1, 2, 0, 1, false, 5, '2026-11-20 21:10:53.178+00', 'worker-0.1.0', '2026-11-20 19:10:53.219+00', '2026-11-20 19:10:53.219+00', '2026-11-20 19:11:23.254+00', '2026-11-20 19:10:53.254+00', NULL, '{}', NULL, NULL, 700),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 'b', 0, 'cancelled', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:52.949+00', '', NULL, NULL, NULL, '2026-11-20 19:10:53.038+00', '2026-11-20 19:10:53.298+00', '{"text":0}', NULL, NULL, 0),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 'a', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.921+00', '', NULL, NULL, NULL, '2026-11-20 19:10:52.95+00', '2026-11-20 19:10:52.962+00', '{}', '{}', NULL, 5),
	('01a1fa5e-65da-7000-90d9-2fb87a851f38', 'b', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.89+00', '', NULL, NULL, NULL, '2026-11-20 19:10:52.959+00', '2026-11-20 19:10:52.972+00', '1', '1', NULL, 5),
	('01a1fa5e-6615-7000-a063-d51416a5180a', 'a', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.949+00', '', NULL, NULL, NULL, '2026-11-20 19:10:52.959+00', '2026-11-20 19:10:52.972+00', '{"n":0}', '{"n":0}', NULL, 5),
	('01a1fa5e-678e-7000-b0cd-208ff72a5312', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.326+00', '', '2026-11-20 19:10:53.326+00', '2026-11-20 19:10:53.326+00', NULL, NULL, NULL, '0', NULL, NULL, 0),
	('01a1fa5e-67a7-7000-b476-d9c1785fc419', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.351+00', '', '2026-11-20 19:10:53.351+00', '2026-11-20 19:10:53.351+00', NULL, NULL, NULL, '1', NULL, NULL, 0),
	('01a1fa5e-65f9-7000-a484-daba8f0def8c', 'b', 0, 'failed', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.921+00', '', NULL, NULL, NULL, '2026-11-20 19:10:53.01+00', '2026-11-20 19:10:53.047+00', '{}', NULL, '{"code":"INVALID_ARGUMENT","message":"no such thing","retryable":false}', 0),
	('01a1fa5e-67c8-7000-baf2-8ba36b2a791d', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.384+00', '', '2026-11-20 19:10:53.384+00', '2026-11-20 19:10:53.384+00', NULL, NULL, NULL, '3', NULL, NULL, 0),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 'a', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.995+00', '', NULL, NULL, NULL, '2026-11-20 19:10:53.038+00', '2026-11-20 19:10:53.064+00', '1', '1', NULL, 5),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 'never', 0, 'skipped', 0, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:52.995+00', '', NULL, NULL, NULL, NULL, '2026-11-20 19:10:53.064+00', 'null', NULL, NULL, 0),
	('01a1fa5e-67e3-7000-a4c7-07156561c5b6', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.411+00', '', '2026-11-20 19:10:53.411+00', '2026-11-20 19:10:53.411+00', NULL, NULL, NULL, '5', NULL, NULL, 0),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 'right', 0, 'running', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:52.995+00', 'worker-0.1.0', '2026-11-20 19:10:53.064+00', '2026-11-20 19:10:53.064+00', '2026-11-20 19:11:23.131+00', '2026-11-20 19:10:53.131+00', NULL, '1', NULL, NULL, 0),
	('01a1fa5e-67f9-7000-b222-ca1976bcf7ed', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.433+00', '', '2026-11-20 19:10:53.433+00', '2026-11-20 19:10:53.433+00', NULL, NULL, NULL, '7', NULL, NULL, 0),
	('01a1fa5e-6643-7000-97cc-ef11cf2156d4', 'left', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.995+00', '', NULL, NULL, NULL, '2026-11-20 19:10:53.131+00', '2026-11-20 19:10:53.183+00', '1', '1', NULL, 5),
	('01a1fa5e-6664-7000-a562-aabd12be9838', 'a', 0, 'ready', 1, 1, 2, 0, 0, false, 5, '2026-11-20 21:10:53.028+00', '', '2026-11-20 19:11:24.132+00', NULL, NULL, NULL, NULL, '{}', NULL, '{"code":"UNAVAILABLE","message":"not yet","retryable":true}', 0),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 'a', 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, '2026-11-20 21:10:52.96+00', '', NULL, NULL, NULL, '2026-11-20 19:10:53.051+00', '2026-11-20 19:10:53.184+00', '{"n":7}', '{"n":7}', NULL, 5),
	('01a1fa5e-6833-7000-b6b7-3a9b1fd188e6', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.491+00', '', '2026-11-20 19:10:53.491+00', '2026-11-20 19:10:53.491+00', NULL, NULL, NULL, '9', NULL, NULL, 0),
	('01a1fa5e-684a-7000-8e1f-341187d0f3d0', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.514+00', '', '2026-11-20 19:10:53.514+00', '2026-11-20 19:10:53.514+00', NULL, NULL, NULL, '10', NULL, NULL, 0),
	('01a1fa5e-68bd-7000-8e5d-c46aa6899765', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.629+00', '', '2026-11-20 19:10:53.629+00', '2026-11-20 19:10:53.629+00', NULL, NULL, NULL, '12', NULL, NULL, 0),
	('01a1fa5e-68f7-7000-95d9-81bd42a8a4fa', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.687+00', '', '2026-11-20 19:10:53.687+00', NULL, NULL, NULL, NULL, '13', NULL, NULL, 0),
	('01a1fa5e-6941-7000-9284-552b69d000a3', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.761+00', '', '2026-11-20 19:10:53.761+00', NULL, NULL, NULL, NULL, '14', NULL, NULL, 0),
	('01a1fa5e-6945-7000-9723-a59743e9d281', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.765+00', '', '2026-11-20 19:10:53.765+00', NULL, NULL, NULL, NULL, '15', NULL, NULL, 0),
	('01a1fa5e-694f-7000-92cc-63474cad175b', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.775+00', '', '2026-11-20 19:10:53.775+00', NULL, NULL, NULL, NULL, '17', NULL, NULL, 0),
	('01a1fa5e-695c-7000-84f7-70d279f9a26e', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.788+00', '', '2026-11-20 19:10:53.788+00', NULL, NULL, NULL, NULL, '18', NULL, NULL, 0),
	('01a1fa5e-696f-7000-8560-91100abf97d0', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.807+00', '', '2026-11-20 19:10:53.807+00', NULL, NULL, NULL, NULL, '19', NULL, NULL, 0),
	('01a1fa5e-6620-7001-80cb-79a4a9461755', 'b', 0, 'running', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:52.96+00', 'worker-0.1.0', '2026-11-20 19:10:53.184+00', '2026-11-20 19:10:53.184+00', '2026-11-20 19:11:23.21+00', '2026-11-20 19:10:53.21+00', NULL, '{"text":7}', NULL, NULL, 0),
	('01a1fa5e-67ba-7000-a0d7-775a3da9eaaf', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.37+00', '', '2026-11-20 19:10:53.37+00', '2026-11-20 19:10:53.37+00', NULL, NULL, NULL, '2', NULL, NULL, 0),
	('01a1fa5e-67d5-7000-bb0b-7dd09c6ddf3d', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.397+00', '', '2026-11-20 19:10:53.397+00', '2026-11-20 19:10:53.397+00', NULL, NULL, NULL, '4', NULL, NULL, 0),
	('01a1fa5e-67ec-7001-9abb-fe374e90429f', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.42+00', '', '2026-11-20 19:10:53.42+00', '2026-11-20 19:10:53.42+00', NULL, NULL, NULL, '6', NULL, NULL, 0),
	('01a1fa5e-680a-7000-89d6-05c6b3f499b4', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.45+00', '', '2026-11-20 19:10:53.45+00', '2026-11-20 19:10:53.45+00', NULL, NULL, NULL, '8', NULL, NULL, 0),
	('01a1fa5e-684f-7000-9b93-381bc1ffb02a', 'a', 0, 'dispatched', 1, 0, 1, 0, 0, false, 5, '2026-11-20 21:10:53.519+00', '', '2026-11-20 19:10:53.519+00', '2026-11-20 19:10:53.519+00', NULL, NULL, NULL, '11', NULL, NULL, 0),
	('01a1fa5e-694a-7000-ad99-30ae434bb85f', 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, '2026-11-20 21:10:53.77+00', '', '2026-11-20 19:10:53.77+00', NULL, NULL, NULL, NULL, '16', NULL, NULL, 0);
INSERT INTO orchestrator.trigger_binding VALUES
	('acme', 'on-opened', 1, '{"event": {"type": "ticket.opened", "publisher": "helpdesk"}, "runAs": "triage", "workflow": "backlog"}', 'evt.acme.helpdesk.ticket.opened.>', 'orchestrator-trigger-acme-on-opened-3bef50039bd4', '2026-11-20 19:10:52.818+00');
SELECT pg_catalog.setval('orchestrator.dead_letter_id_seq', 1, false);
SELECT pg_catalog.setval('orchestrator.outbox_id_seq', 67, true);
ALTER TABLE ONLY orchestrator.dead_letter
    ADD CONSTRAINT dead_letter_consumer_msg_id_key UNIQUE (consumer, msg_id);
ALTER TABLE ONLY orchestrator.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);
ALTER TABLE ONLY orchestrator.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, msg_id);
ALTER TABLE ONLY orchestrator.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);
ALTER TABLE ONLY orchestrator.outbox_sent
    ADD CONSTRAINT outbox_sent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY orchestrator.pruned
    ADD CONSTRAINT pruned_pkey PRIMARY KEY (single);
ALTER TABLE ONLY orchestrator.rejection
    ADD CONSTRAINT rejection_pkey PRIMARY KEY (id);
ALTER TABLE ONLY orchestrator.rejection
    ADD CONSTRAINT rejection_tenant_trigger_delivery_key UNIQUE (tenant, trigger, delivery);
ALTER TABLE ONLY orchestrator.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (tenant, kind, name);
ALTER TABLE ONLY orchestrator.resource_version
    ADD CONSTRAINT resource_version_pkey PRIMARY KEY (tenant, kind, name, version);
ALTER TABLE ONLY orchestrator.run_event
    ADD CONSTRAINT run_event_pkey PRIMARY KEY (run, seq);
ALTER TABLE ONLY orchestrator.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY orchestrator.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (source, name);
ALTER TABLE ONLY orchestrator.step
    ADD CONSTRAINT step_pkey PRIMARY KEY (run, node, shard);
ALTER TABLE ONLY orchestrator.trigger_binding
    ADD CONSTRAINT trigger_binding_pkey PRIMARY KEY (tenant, name);
ALTER TABLE ONLY orchestrator.trigger_gone
    ADD CONSTRAINT trigger_gone_pkey PRIMARY KEY (durable);
CREATE INDEX inbox_at ON orchestrator.inbox USING btree (at);
CREATE INDEX outbox_sent_at ON orchestrator.outbox_sent USING btree (sent_at);
CREATE INDEX outbox_sent_place ON orchestrator.outbox_sent USING btree (stream_made, stream_seq);
CREATE INDEX rejection_newest ON orchestrator.rejection USING btree (tenant, id);
CREATE UNIQUE INDEX run_dedupe ON orchestrator.run USING btree (tenant, workflow, dedupe_key) WHERE (dedupe_key IS NOT NULL);
CREATE INDEX run_newest ON orchestrator.run USING btree (tenant, id);
CREATE INDEX run_wake ON orchestrator.run USING btree (wake_at) WHERE (wake_at IS NOT NULL);
CREATE INDEX step_backlog ON orchestrator.step USING btree (priority DESC, deadline, ready_at) WHERE queued;
