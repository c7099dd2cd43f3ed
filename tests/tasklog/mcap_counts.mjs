// Messages by topic as @mcap/core sees them: by the index, by the stream, and decoded by protobufjs; checksums on.
import { open } from "node:fs/promises";
import { createRequire } from "node:module";

const [file, modules] = process.argv.slice(2);
const require = createRequire(modules + "/package.json");
const core = require("@mcap/core");
const { FileHandleReadable } = require("@mcap/nodejs");
const { loadDecompressHandlers, protobufFromBinaryDescriptor } = require("@mcap/support");

const decompressHandlers = await loadDecompressHandlers();
const handle = await open(file, "r");
const readable = new FileHandleReadable(handle);
const count = (table, topic) => (table[topic] = (table[topic] ?? 0) + 1);

const indexed = {};
const reader = await core.McapIndexedReader.Initialize({ readable, decompressHandlers });
for await (const message of reader.readMessages({ validateCrcs: true })) {
  count(indexed, reader.channelsById.get(message.channelId).topic);
}

const streamed = {}, decoded = {}, topics = new Map();
const stream = new core.McapStreamReader({ validateCrcs: true, decompressHandlers });
const decoders = new Map();
const schemas = new Map();
const size = Number(await readable.size());
for (let at = 0; at < size; at += 1 << 20) {
  stream.append(await readable.read(BigInt(at), BigInt(Math.min(1 << 20, size - at))));
  for (let record; (record = stream.nextRecord()); ) {
    if (record.type === "Schema") schemas.set(record.id, record);
    if (record.type === "Channel") {
      topics.set(record.id, record.topic);
      const schema = schemas.get(record.schemaId);
      decoders.set(record.id, protobufFromBinaryDescriptor(schema.data).lookupType(schema.name));
    }
    if (record.type === "Message") {
      count(streamed, topics.get(record.channelId));
      decoders.get(record.channelId).decode(record.data);
      count(decoded, topics.get(record.channelId));
    }
  }
}
await handle.close();
console.log(JSON.stringify({ indexed, streamed, decoded, done: stream.done() }));
