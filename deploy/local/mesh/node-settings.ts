// How Node runs a service, here as in an image: deploy/Dockerfile says the same, and a test compares the two.

export const nodeFlags: readonly string[] = [
  // V8 sizes the young generation by the machine: 3 × 32 MB on a large one, where the gateway peaks 90 MB higher under
  // load than with 24 and is no faster; 3 × 1 MB in a container of 512 MB, where a request takes 40 % more CPU.
  "--max-semi-space-size=24",
];

export const nodeVariables: Readonly<Record<string, string>> = {
  // glibc gives each thread a heap of its own and keeps what was freed in it: after a few sign-ins auth held 90 MB more.
  MALLOC_ARENA_MAX: "1",
};
