/** The account in which the services live. */
export const meshAccount = "MESH";
/** The file of the publishers' accounts, which nats-server.conf includes from its own folder. */
export const publishersConf = "publishers.conf";
