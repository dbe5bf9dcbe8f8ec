// The busy block of bench_decode through @polkadot/types: JSON text -> transfer records, and
// metadata -> registry.
// usage: node decode.mjs DIRECTORY (as written by bench_decode --dump); prints one JSON line.
import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';

const directory = process.argv[2];
const hex = (name) => `0x${readFileSync(`${directory}/${name}`).toString('hex')}`;

function load(metadata) {
  const registry = new TypeRegistry();
  registry.setMetadata(new Metadata(registry, metadata));
  return registry;
}

// What a watcher does with @polkadot/api: create the event records, keep the transfers.
function transfers(registry, text) {
  const [[, value]] = JSON.parse(text).params.result.changes;
  const records = registry.createType('Vec<FrameSystemEventRecord>', value);
  const found = [];
  for (const { event } of records) {
    const name = `${event.section}.${event.method}`;
    if (name === 'balances.Transfer' || name.endsWith('ssets.Transferred')) {
      found.push(event.data.map((field) => field.toHex()));
    }
  }
  return { events: records.length, transfers: found.length };
}

const seconds = (run) => {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / 1e9;
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

const compile = hex('compile.scale');
const loads = median(Array.from({ length: 5 }, () => seconds(() => load(compile))));
const registry = load(hex('metadata.scale'));
const text = readFileSync(`${directory}/frame.json`, 'utf8');
const result = transfers(registry, text);
for (let i = 0; i < 100; ++i) transfers(registry, text);
const block = median(Array.from({ length: 200 }, () => seconds(() => transfers(registry, text))));
const rate = result.events / block;
console.log(JSON.stringify({ ...result, events_per_s: rate, metadata_s: loads }));
