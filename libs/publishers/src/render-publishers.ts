// The accounts of publishers, as the file that nats-server includes. Each account imports what it may publish of the
// mesh's `evt.<tenant>.<publisher>.>` as a service under the name `evt.`: what is published on `evt.ticket.opened.7` arrives
// as `evt.acme.helpdesk.ticket.opened.7`, and JetStream's acknowledgement finds its way back as the service's reply. Nothing
// else of the mesh exists in the account, so the stamp and the limit hold whatever a client tries.
import { meshAccount } from "./names.ts";
import { accountOf, type Publisher } from "./publisher.ts";
import { list, type Permissions, quote, renderPermissions } from "./write-config.ts";

/** The text of publishers.conf. It holds public keys; and the password of a publisher that still has one. */
export function renderPublishers(publishers: readonly Publisher[]): string {
  return [
    "# Written from publishers.yaml by `meshctl publisher`; a change here is lost.",
    ...publishers.flatMap(renderPublisher),
    "",
  ].join("\n");
}

function renderPublisher(entry: Publisher): string[] {
  const subjects = subjectsOf(entry);
  const permissions: Permissions = {
    publish: { allow: subjects.map((subject) => `evt.${subject}`), deny: [] },
    // Where acknowledgements come in.
    subscribe: { allow: ["_INBOX.>"] },
  };
  const may = `permissions: ${renderPermissions(permissions)}`;
  const users = [
    ...entry.keys.map(({ key }) => `{ nkey: ${key}, ${may} }`),
    ...(entry.password === undefined
      ? []
      : [`{ user: ${quote(accountOf(entry))}, password: ${quote(entry.password)}, ${may} }`]),
  ];
  const imports = subjects.map((subject) => {
    const stamped = `evt.${accountOf(entry)}.${subject}`;
    return `{ service: { account: ${meshAccount}, subject: ${quote(stamped)} }, to: ${quote(`evt.${subject}`)} }`;
  });
  return [`${quote(accountOf(entry))} {`, `  users: ${list(users)}`, `  imports: ${list(imports)}`, "}"];
}

/** What comes behind `evt.` in a publisher's own account: type and key. */
function subjectsOf({ types }: Publisher): string[] {
  if (types.length === 0) return [">"];
  return types.map((type) => (type.endsWith(".>") ? type : `${type}.*`));
}
