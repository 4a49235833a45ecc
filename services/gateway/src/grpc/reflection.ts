import { type DescFile, type FileRegistry, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server as GrpcServer, ServerDuplexStream } from "@grpc/grpc-js";
import { A2A_SERVICE } from "../a2a/grpc.ts";
import { routedMethods, rpcServiceOf } from "../routes.ts";

// grpc.reflection.v1 by hand: the package for it loads protobufjs, which costs 60 ms at start and 10 MB for five fields.
// https://github.com/grpc/grpc/blob/master/src/proto/grpc/reflection/v1/reflection.proto

const SERVICES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** Lets grpcurl, Postman and the like see the contracts without their files. Older tools ask for v1alpha, which is the same. */
export function registerReflection(server: GrpcServer, registries: readonly FileRegistry[]): void {
  for (const service of SERVICES) {
    const method = {
      path: `/${service}/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    server.addService(
      { serverReflectionInfo: method },
      {
        serverReflectionInfo(call: ServerDuplexStream<Buffer, Buffer>) {
          call.on("data", (request: Buffer) => call.write(Buffer.from(answer(registries, request))));
          call.on("end", () => call.end());
          call.on("error", () => call.end());
        },
      },
    );
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

type Question = { readonly field: number; readonly text: string };

/** Field numbers of ServerReflectionRequest. */
const ASK = { fileByName: 3, fileWithSymbol: 4, listServices: 7 } as const;

function answer(registries: readonly FileRegistry[], request: Uint8Array): Uint8Array {
  const { field, text } = readQuestion(request);
  const writer = new BinaryWriter().uint32(18).bytes(request);
  if (field === ASK.listServices) return writeServices(writer);
  if (field === ASK.fileByName || field === ASK.fileWithSymbol) {
    const find = field === ASK.fileByName ? fileNamed : fileWithSymbol;
    const file = registries.map((registry) => find(registry, text)).find((found) => found !== undefined);
    return file ? writeFiles(writer, file) : writeError(writer, NOT_FOUND, `${text} is not in the contracts`);
  }
  return writeError(writer, UNIMPLEMENTED, "files, symbols and services can be asked for; extensions cannot");
}

function readQuestion(request: Uint8Array): Question {
  const reader = new BinaryReader(request);
  let question: Question = { field: 0, text: "" };
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === ASK.fileByName || field === ASK.fileWithSymbol || field === ASK.listServices) {
      question = { field, text: reader.string() };
    } else reader.skip(wire);
  }
  return question;
}

function fileNamed({ files }: FileRegistry, name: string): DescFile | undefined {
  for (const file of files) if (`${file.name}.proto` === name) return file;
  return undefined;
}

/** A symbol may be a service, a message, an enum, or a method or field of one. */
function fileWithSymbol(registry: FileRegistry, symbol: string): DescFile | undefined {
  const found = registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf(".")));
  return found?.file;
}

/** With everything it imports, so that one question is enough. */
function writeFiles(writer: BinaryWriter, file: DescFile): Uint8Array {
  const files = new Map<string, DescFile>();
  (function collect(current: DescFile) {
    if (files.has(current.name)) return;
    files.set(current.name, current);
    for (const dependency of current.dependencies) collect(dependency);
  })(file);
  writer.uint32(34).fork();
  for (const { proto } of files.values()) writer.uint32(10).bytes(toBinary(FileDescriptorProtoSchema, proto));
  return writer.join().finish();
}

function writeServices(writer: BinaryWriter): Uint8Array {
  const names = [...new Set(routedMethods.map(rpcServiceOf)), A2A_SERVICE, "grpc.health.v1.Health", ...SERVICES];
  writer.uint32(50).fork();
  for (const name of names) writer.uint32(10).fork().uint32(10).string(name).join();
  return writer.join().finish();
}

function writeError(writer: BinaryWriter, code: number, message: string): Uint8Array {
  return writer.uint32(58).fork().uint32(8).int32(code).uint32(18).string(message).join().finish();
}
