// Check a seal with Node alone: node verify_seal.mjs LOG SEAL KEY.pub
// Chunks in zstd are unpacked by Node from 22.15 on, before that by the program zstd. Exit code 0: the signature is good, nothing failed.
import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import zlib from "node:zlib";

const [log, seal, key] = process.argv.slice(2).map((name) => readFileSync(name));
const envelope = JSON.parse(seal);
const payload = Buffer.from(envelope.payload, "base64");
const kind = Buffer.from(envelope.payloadType);
const signed = Buffer.concat([Buffer.from(`DSSEv1 ${kind.length} `), kind, Buffer.from(` ${payload.length} `), payload]);
const publicKey = createPublicKey(key);
const good = envelope.signatures.some((s) => verify(null, signed, publicKey, Buffer.from(s.sig, "base64")));

const u64 = (value) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(value)); return b; };
const framed = (...parts) => Buffer.concat([u64(parts.length), ...parts.flatMap((p) => [u64(p.length), p])]);

class Cursor {
  constructor(data) { this.data = data; this.at = 0; }
  take(n) { if (this.at + n > this.data.length) throw Error("cut off"); return this.data.subarray(this.at, (this.at += n)); }
  u16() { return this.take(2).readUInt16LE(); }
  u32() { return this.take(4).readUInt32LE(); }
  u64() { return this.take(8).readBigUInt64LE(); }
  bytes() { return this.take(this.u32()); }
  pairs() { const c = new Cursor(this.bytes()), found = []; while (c.at < c.data.length) found.push([c.bytes(), c.bytes()]); return found; }
}

const schemas = new Map(), channels = new Map(), segments = new Map();
let salts = new Map(), withheld = new Set();

function record(op, data) {
  const c = new Cursor(data);
  if (op === 3) schemas.set(c.u16(), [c.bytes(), c.bytes(), c.bytes()]);
  else if (op === 4) {
    const id = c.u16(), schema = schemas.get(c.u16()) ?? [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)];
    const topic = c.bytes(), encoding = c.bytes();
    const metadata = c.pairs().sort((a, b) => Buffer.compare(a[0], b[0])).flat();
    channels.set(id, { topic: topic.toString(), said: framed(encoding, ...schema, ...metadata) });
  } else if (op === 5) {
    const channel = channels.get(c.u16()), sequence = c.u32(), time = c.u64(), publish = c.u64();
    const body = data.subarray(c.at), name = `topic:${channel.topic}#${time / 60_000_000_000n}`;
    if (!segments.has(name)) {
      const salt = Buffer.from(salts.get(channel.topic) ?? "", "hex");
      const hash = createHash("sha256").update("stope.segment/1\n").update(framed(salt, Buffer.from(channel.topic)));
      segments.set(name, { hash, channel: null });
    }
    const segment = segments.get(name);
    if (segment.channel !== channel) { segment.hash.update(Buffer.from([1])).update(channel.said); segment.channel = channel; }
    segment.hash.update(Buffer.from([2])).update(u64(sequence)).update(u64(time)).update(u64(publish)).update(u64(body.length));
    segment.hash.update(body);
  } else if (op === 6) {
    c.take(16); // first and last time
    const size = Number(c.u64());
    c.take(4); // checksum; the digests are stronger
    records(unpacked(c.bytes().toString(), c.take(Number(c.u64())), size));
  } else if (op === 12) {
    const name = c.bytes().toString(), values = c.pairs().map((pair) => pair.map(String));
    if (name === "stope.salts") salts = new Map(values);
    if (name === "stope.redacted") withheld = new Set(Object.fromEntries(values).topics.split("\n"));
  }
}

function unpacked(compression, data, size) {
  if (compression === "") return data;
  if (compression !== "zstd" || size > 64 * 1024 * 1024) throw Error(`a chunk of ${size} bytes, compression ${compression}`);
  if (zlib.zstdDecompressSync) return zlib.zstdDecompressSync(data, { maxOutputLength: size });
  return execFileSync("zstd", ["-dc"], { input: data, maxBuffer: size + 1 });
}

function records(data) {
  for (let at = 0; at + 9 <= data.length; ) {
    const op = data[at], length = Number(data.readBigUInt64LE(at + 1));
    if (op === 15) return; // the summary follows
    record(op, data.subarray(at + 9, at + 9 + length));
    at += 9 + length;
  }
}

records(log.subarray(8));
const told = { signature: good ? "good" : "BAD", verified: 0, withheld: 0, failed: 0 };
const sealed = JSON.parse(payload).subject.filter((s) => s.name.startsWith("topic:"));
for (const subject of sealed) {
  const found = segments.get(subject.name);
  segments.delete(subject.name);
  if (found?.hash.digest("hex") === subject.digest.sha256) told.verified++;
  else if (!found && withheld.has(subject.annotations.topic)) told.withheld++;
  else told.failed++;
}
told.failed += segments.size; // in the log and not in the seal
console.log(JSON.stringify(told));
process.exit(good && !told.failed ? 0 : 1);
