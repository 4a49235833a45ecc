// The one loop that must be fast, as a WebAssembly SIMD function: V8 runs it everywhere Node does, without a native
// addon. Written out as the bytes of the specification (webassembly.github.io/spec/core/binary), for a compiler would be
// a build step.

// The part that is used of WebAssembly, whose types come with a browser's only.
type WasmMemory = { readonly buffer: ArrayBuffer; grow(pages: number): number };
type Wasm = {
  readonly Memory: new (pages: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: { readonly dot: DotKernel["dot"] } };
};

/** Rows are read as signed bytes, the query as signed 16-bit numbers, both from the kernel's memory. */
export type DotKernel = {
  readonly memory: WasmMemory;
  /**
   * Writes the dot product of the query with each of `count` rows, one 32-bit integer each, to `out`.
   *
   * @param rows address of the first row; rows follow each other without a gap
   * @param rowBytes a multiple of 8, and at most 65 536 so that a sum cannot overflow
   * @param query address of `rowBytes` numbers of two bytes
   */
  dot(rows: number, count: number, rowBytes: number, query: number, out: number): void;
};

const I32 = 0x7f;
const V128 = 0x7b;
const EMPTY = 0x40;
const END = 0x0b;
const simd = 0xfd;

// Parameters, then locals.
const rows = 0;
const count = 1;
const rowBytes = 2;
const query = 3;
const out = 4;
const rowEnd = 5;
const at = 6;
const sum = 7;

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const constant = (value: number) => [0x41, ...leb(value)];
const add = [0x6a];
const advance = (local: number, bytes: number) => [...get(local), ...constant(bytes), ...add, ...set(local)];
/** Alignment is a hint; 0 promises nothing. */
const unaligned = [0x00, 0x00];
const loadBytesWidened = [simd, 0x01, ...unaligned];
const loadVector = [simd, 0x00, ...unaligned];
const dotPairs = [simd, 0xba, 0x01];
const addLanes = [simd, 0xae, 0x01];
const lane = (index: number) => [simd, 0x1b, index];
const zeroVector = [simd, 0x0c, ...new Array<number>(16).fill(0)];

// do { sum = 0; do { sum += row[0..8] · query[0..8] } while (row < rowEnd); *out = lanes of sum } while (--count)
const body = [
  ...[0x03, EMPTY],
  ...[...get(rows), ...get(rowBytes), ...add, ...set(rowEnd)],
  ...[...get(query), ...set(at)],
  ...[...zeroVector, ...set(sum)],
  ...[0x03, EMPTY],
  ...[...get(rows), ...loadBytesWidened, ...get(at), ...loadVector, ...dotPairs, ...get(sum), ...addLanes, ...set(sum)],
  ...advance(at, 16),
  ...advance(rows, 8),
  ...[...get(rows), ...get(rowEnd), 0x49, 0x0d, 0x00, END],
  ...get(out),
  ...[0, 1, 2, 3].flatMap((index) => [...get(sum), ...lane(index), ...(index > 0 ? add : [])]),
  ...[0x36, 0x02, 0x00],
  ...advance(out, 4),
  ...[...get(count), ...constant(1), 0x6b, 0x22, count, 0x0d, 0x00, END],
  END,
];

/** Of WebAssembly's memory. */
export const PAGE_BYTES = 65_536;

const wasm: Wasm = Reflect.get(globalThis, "WebAssembly");

/** @param maxBytes the memory never grows beyond it */
export function openDotKernel(maxBytes: number): DotKernel {
  const memory = new wasm.Memory({ initial: 1, maximum: Math.ceil(maxBytes / PAGE_BYTES) });
  const { dot } = new wasm.Instance(new wasm.Module(moduleBytes()), { k: { memory } }).exports;
  return { memory, dot };
}

function moduleBytes(): Uint8Array {
  const locals = [2, 2, I32, 1, V128];
  const code = [...locals, ...body];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 5, I32, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...name("k"), ...name("memory"), 0x02, 0x01, 1, ...leb(65_536)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("dot"), 0x00, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...leb(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** Unsigned LEB128; as signed it is right for what is below 64 here. */
function leb(value: number): number[] {
  const low = value & 0x7f;
  return value > 0x7f ? [low | 0x80, ...leb(value >>> 7)] : [low];
}
