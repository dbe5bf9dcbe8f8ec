// Makes tests/data/metadata: published runtime metadata with every documentation text removed.
//
//   npm ci && node strip_metadata.mjs
//
// Only `docs` vectors are emptied. That nothing else changed is proven for each file: the original
// re-encodes to the very same bytes, and the stripped bytes decode to the original's JSON with its
// docs emptied. Running it again writes the same files.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ok } from 'node:assert';
import { TypeRegistry } from '@polkadot/types';
import { Metadata } from '@polkadot/types/metadata';

const require = createRequire(import.meta.url);
const out = new URL('./metadata/', import.meta.url).pathname;
const file_bytes_max = 1024 * 1024;
const meta_magic = '6d657461';

// [metadata version, name in the package, name here]
const wanted = [
  [14, 'polkadot', 'polkadot'],
  [15, 'polkadot', 'polkadot'],
  [15, 'kusama', 'kusama'],
  [15, 'asset-hub-polkadot', 'asset-hub-polkadot'],
  [15, 'asset-hub-kusama', 'asset-hub-kusama'],
  [16, 'substrate', 'substrate-node'],
];

function published(version, name, part) {
  const base = `@polkadot/types-support/metadata/v${version}/${name}-${part}`;
  const module = require(base);
  return module.default ?? module;
}

// Some files hold Option<OpaqueMetadata>, some the metadata itself: both end in `meta…`.
function metadata_bytes(hex) {
  const at = hex.indexOf(meta_magic);
  ok(at >= 2 && at <= 2 + 10, 'the text does not begin with metadata');
  return Uint8Array.from(Buffer.from(hex.slice(at), 'hex'));
}

function decode(bytes) {
  return new Metadata(new TypeRegistry(), bytes);
}

// Codecs are nested maps (structs), arrays (vectors) and wrappers (options, enums).
function strip_codec(codec) {
  if (typeof codec !== 'object' || codec === null) return;
  if (codec instanceof Map) {
    for (const [key, value] of codec.entries()) {
      if (key === 'docs') value.length = 0;
      else strip_codec(value);
    }
  } else if (Array.isArray(codec)) {
    for (const value of codec) strip_codec(value);
  } else {
    strip_codec(codec.isSome === true ? codec.value : codec.inner);
  }
}

function strip_json(value) {
  if (Array.isArray(value)) return value.map(strip_json);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([k, v]) => [k, k === 'docs' ? [] : strip_json(v)]));
}

function strip(bytes) {
  const original = decode(bytes);
  ok(Buffer.from(original.toU8a()).equals(Buffer.from(bytes)), 'does not re-encode to itself');
  const expected = JSON.stringify(strip_json(original.toJSON()));
  strip_codec(original);
  const stripped = original.toU8a();
  ok(JSON.stringify(decode(stripped).toJSON()) === expected, 'more than docs has changed');
  return stripped;
}

mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) rmSync(out + name);
for (const [version, name, title] of wanted) {
  const runtime = published(version, name, 'ver');
  const original = metadata_bytes(published(version, name, 'hex'));
  const stripped = strip(original);
  ok(stripped.length <= file_bytes_max, `${title} is larger than ${file_bytes_max} bytes`);
  const stem = `${title}-${runtime.specVersion}`;
  writeFileSync(`${out}${stem}.v${version}.scale`, stripped);
  writeFileSync(`${out}${stem}.version.json`, JSON.stringify(runtime) + '\n');
  console.log(`${stem}.v${version}.scale ${original.length} -> ${stripped.length} bytes`);
}
