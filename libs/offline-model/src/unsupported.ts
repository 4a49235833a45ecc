/**
 * The request asks for something a lexical reader cannot do. `part` names it (`messages[1].content[0]: image_url`), so
 * that a caller can route the request to another model.
 */
export class UnsupportedByOfflineModel extends Error {
  readonly code = "unsupported_by_offline_model";
  readonly part: string;

  constructor(part: string, advice = "send it to a model that can, or leave it out") {
    super(`embedded/lexical-1 cannot serve ${part}; ${advice}`);
    this.name = "UnsupportedByOfflineModel";
    this.part = part;
  }
}
