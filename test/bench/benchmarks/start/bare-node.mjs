// The limit of a service: a Node process that loads nothing and answers HTTP.
import { createServer } from "node:http";

createServer((_request, response) => response.end("ok")).listen(Number(process.argv[2]), "127.0.0.1");
