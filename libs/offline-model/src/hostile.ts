/**
 * Text from users and tools is data. A sentence in it that speaks to the model ("ignore previous instructions") is left
 * out of everything: it is not extracted, not searched for, and no tool or value is chosen by it.
 */

const PATTERNS: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override|bypass|skip|discard)\b.{0,40}\b(?:previous|prior|above|earlier|preceding|all|your|system|other|these|those|any|every)\b.{0,40}\b(?:instructions?|prompts?|rules?|directions?|guidelines?|policy|policies|context|training)\b/i,
  /\b(?:system|developer|hidden|initial|original|secret|internal)\s+(?:prompts?|instructions?)\b/i,
  /\b(?:reveal|print|show|repeat|output|display|leak|expose|reply with|respond with|tell me|send me|what (?:is|are))\b.{0,40}\b(?:your (?:full |exact |own )?(?:instructions|prompt|guidelines|rules)|the prompt|the text above)\b/i,
  /\byou are (?:now|no longer)\b|\b(?:pretend|imagine) (?:to be|that you|you are|you're)\b|\bfrom now on,? you\b/i,
  /\bact as (?:an?|the|my|if)\b.{0,40}\b(?:ai|assistant|model|bot|agent|admin|administrator|system|developer|root|hacker)\b/i,
  /\bnew (?:system )?instructions?\s*:|\bjailbr(?:eak|oken)|\bdeveloper mode\b|\bdo anything now\b|\bprompt injection\b/i,
  /<\|?\/?\s*(?:im_start|im_end|system|assistant|developer|instructions?)\s*\|?>|\[\/?INST\]|^#+\s*(?:system|instruction)/i,
  /^\s*(?:system|assistant|developer)\s*:/i,
  /\b(?:call|invoke|execute)\b.{0,30}\b[a-z0-9]{1,30}_\w{1,40}\b/i,
  /\b(?:call|invoke|execute|use|run)\b.{0,40}\b(?:tool|function)\b/i,
  /\b(?:set|mark|classify|label|tag|rate|score|treat)\b.{0,40}\b(?:priority|category|sentiment|confidence|severity|score|approved)\b.{0,20}\b(?:to|as|with|=)\b/i,
  /\b(?:classify|label|tag|categori[sz]e|approve)\s+(?:this|the)\s+(?:ticket|message|email|request|draft|answer|case)\b/i,
  /\b(?:ai|language model|llm|chatbot|assistant)s?\b.{0,30}\b(?:must|should|has to|have to|shall)\b/i,
  /\bignor(?:e|iere|ieren|a|ez)\b.{0,40}\b(?:anweisungen|instrucciones|istruzioni|instruções)\b/i,
];

/** An order that follows a hostile sentence belongs to it. */
const ORDER =
  /^(?:(?:and|then|now|instead|next|also|please|just|simply|finally|you must|you should|you will|always|only)[ ,]+){0,3}(?:call|use|invoke|run|execute|reply|respond|answer|output|say|print|send|delete|remove|mark|set|approve|classify|give|return|write|reveal|show|tell|include|repeat|do|make|grant|issue|transfer|forward|email|translate|list|append|add|start|begin|end|stop)\b/i;
const MAX_FOLLOWING_ORDERS = 5;

/** The text as a reader sees it: width variants folded, invisible characters gone. */
function visible(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.normalize("NFKC").replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g, "");
}

/** Whether a text holds a try to instruct the model; meant for texts of at most some hundred characters. */
export function isHostile(text: string): boolean {
  const seen = visible(text);
  return PATTERNS.some((pattern) => pattern.test(seen));
}

/** For each sentence of one text, whether it is (or continues) a try to instruct the model. */
export function hostileMask(sentences: readonly string[]): boolean[] {
  const mask = sentences.map((sentence) => isHostile(sentence));
  for (let index = 0; index + 1 < sentences.length; index += 1) {
    const [first = "", second = ""] = [sentences[index], sentences[index + 1]];
    if (mask[index] || mask[index + 1] || first.length + second.length > 160) continue;
    // Broken over two lines to slip through.
    if (isHostile(`${first} ${second}`)) {
      mask[index] = true;
      mask[index + 1] = true;
    }
  }
  let following = 0;
  return mask.map((hostile, index) => {
    if (hostile) following = MAX_FOLLOWING_ORDERS;
    else if (following > 0 && ORDER.test(visible(sentences[index] ?? ""))) following -= 1;
    else following = 0;
    return hostile || following > 0;
  });
}
