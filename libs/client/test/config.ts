/** What a process of meshctl needs of the tests' own environment; nothing else of it reaches meshctl. */
export function inherited(): Record<string, string> {
  const { PATH = "", HOME = "", NODE_COMPILE_CACHE = "" } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE };
}
