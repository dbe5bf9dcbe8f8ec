// Peer test: polkadot-js itself talks to `spyhop node`.
//
//   npm ci && SPYHOP_BIN=build/spyhop node polkadot_js.mjs [--capture FILE] [--blocks N]
//       [--block-time 1s]
//
// Starts the node, connects @polkadot/api, reads metadata, follows new and finalized heads, decodes
// the events of several blocks by subscription and by api.at(hash), decodes the blocks themselves,
// and compares the transfers with what `spyhop decode events` prints for the same bytes.
// Output is TAP; exit 0 when every line is ok, else 1.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, WsProvider } from '@polkadot/api';

const argument = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const bin = argument('--bin', process.env.SPYHOP_BIN ?? '../../build/spyhop');
const capture = argument('--capture', '');
const wanted_blocks = Number(argument('--blocks', '5'));
const deadline_ms = 120_000;
const quiet_ms = 5_000;
const events_key = '0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7';

let lines = 0;
let failures = 0;
function ok(condition, text) {
  lines += 1;
  if (!condition) failures += 1;
  console.log(`${condition ? 'ok' : 'not ok'} ${lines} - ${text}`);
}

// The node's first line names its address; further lines the chains it serves.
function start_node() {
  const block_time = argument('--block-time', '1s');
  const options = ['node', '--listen', '127.0.0.1:0', '--block-time', block_time];
  if (capture) options.push('--capture', capture);
  const child = spawn(bin, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const urls = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`spyhop node ended with ${code}`)));
    child.stdout.on('data', (data) => {
      text += data;
      setTimeout(() => resolve(text.match(/ws:\/\/\S+/g) ?? []), 300);
    });
  });
  return { child, urls };
}

const movements = new Set([
  'Balances.Transfer', 'Assets.Transferred', 'ForeignAssets.Transferred',
  'PoolAssets.Transferred', 'Tokens.Transfer',
]);

// Transfers as [index, pallet.event, from, to, amount], out of polkadot-js' event records.
function peer_transfers(records) {
  return records.flatMap(({ event }, index) => {
    const pallet = event.section[0].toUpperCase() + event.section.slice(1);
    const name = `${pallet}.${event.method}`;
    if (!movements.has(name)) return [];
    const field = (wanted) => event.data[event.data.names.indexOf(wanted)];
    return [[index, name, field('from').toHex(), field('to').toHex(),
      field('amount').toString()].join(' ')];
  });
}

// The same out of `spyhop decode events`.
function our_transfers(folder, metadata_hex, events_hex) {
  const metadata = join(folder, 'metadata.hex');
  const input = join(folder, 'events.hex');
  writeFileSync(metadata, metadata_hex);
  writeFileSync(input, events_hex);
  const run = spawnSync(bin, ['decode', 'events', '--metadata', metadata, '--input', input],
    { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`spyhop decode events: ${run.stderr}`);
  const events = run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const transfers = events.flatMap(({ index, pallet, event, fields }) =>
    movements.has(`${pallet}.${event}`)
      ? [[index, `${pallet}.${event}`, fields.from, fields.to, fields.amount].join(' ')] : []);
  return { count: events.length, transfers };
}

// The first `count` values that subscribe(callback) delivers, or what came until it fell silent (a
// capture ends).
async function collect(count, subscribe) {
  const seen = [];
  let stop;
  await new Promise((resolve, reject) => {
    let quiet = setTimeout(resolve, quiet_ms);
    subscribe((value) => {
      if (seen.length < count) seen.push(value);
      clearTimeout(quiet);
      quiet = setTimeout(resolve, quiet_ms);
      if (seen.length === count) resolve();
    }).then((unsubscribe) => { stop = unsubscribe; }, reject);
  });
  stop?.();
  return seen;
}

async function check_block(api, provider, folder, hash) {
  const at = await api.at(hash);
  const raw = (await api.rpc.state.getStorage(events_key, hash)).toHex();
  const header = await api.rpc.chain.getHeader(hash);
  const number = header.number.toNumber();
  ok(header.hash.toHex() === hash.toString(), `block ${number}: header hashes to its name`);
  const records = await at.query.system.events();
  const theirs = peer_transfers(records);
  // The events of a block are written by the runtime of its parent.
  // Asked for without polkadot-js' decoding, which would want the parent's header, too.
  const executed = await provider.send('state_getMetadata', [header.parentHash.toHex()]);
  const ours = our_transfers(folder, executed, raw);
  ok(records.length === ours.count && records.length > 0,
    `block ${number}: ${records.length} events by both (${executed.length / 2 - 1} bytes)`);
  ok(JSON.stringify(theirs) === JSON.stringify(ours.transfers),
    `block ${number}: ${theirs.length} transfers by both`);
  const block = await api.rpc.chain.getBlock(hash);
  const calls = block.block.extrinsics.map((x) => `${x.method.section}.${x.method.method}`);
  // Recorded blocks may come without their extrinsics, never with others than these.
  ok(calls.includes('timestamp.set') || (capture && calls.length === 0),
    `block ${number}: ${calls.length} extrinsics decode`);
  return theirs.length;
}

async function check_chain(url, folder) {
  const provider = new WsProvider(url, 1000);
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  try {
    const version = api.runtimeVersion;
    ok(version.specVersion.toNumber() > 0,
      `${url}: ${version.specName} ${version.specVersion}, V${api.runtimeMetadata.version}`);
    ok(api.registry.chainSS58 !== undefined && api.registry.chainTokens.length > 0,
      `${url}: ${api.registry.chainTokens}, SS58 prefix ${api.registry.chainSS58}`);
    const [heads, finalized, events] = await Promise.all([
      collect(wanted_blocks, (callback) => api.rpc.chain.subscribeNewHeads(callback)),
      collect(wanted_blocks - 2, (callback) => api.rpc.chain.subscribeFinalizedHeads(callback)),
      collect(wanted_blocks, (callback) => api.query.system.events(callback)),
    ]);
    const height = (head) => head.number.toNumber();
    const chained = (list) => list.every((head, i) => i === 0 ||
      head.parentHash.eq(list[i - 1].hash) || height(head) > height(list[i - 1]));
    ok(chained(heads), `${url}: new heads ${heads.map((head) => head.number)}`);
    ok(chained(finalized), `${url}: finalized heads ${finalized.map((head) => head.number)}`);
    const behind = height(heads.at(-1)) - height(finalized.at(-1));
    ok(behind > 0 || capture, `${url}: finality is ${behind} behind the best head`);
    ok(events.every((records) => Array.isArray([...records])),
      `${url}: events by subscription ${events.map((records) => records.length)}`);
    let transfers = 0;
    for (const { hash } of heads.slice(1)) {
      transfers += await check_block(api, provider, folder, hash);
    }
    ok(transfers > 0 || capture, `${url}: ${transfers} transfers compared`);
  } finally {
    await api.disconnect();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'spyhop-peer-'));
const { child, urls } = start_node();
const timer = setTimeout(() => {
  console.log('not ok - timed out');
  child.kill('SIGKILL');
  process.exit(1);
}, deadline_ms);
try {
  const all = await urls;
  ok(all.length > 0, `the node listens on ${all}`);
  // With several chains the first address leads to the first chain.
  for (const url of all.length > 1 ? all.slice(1) : all) await check_chain(url, folder);
} catch (error) {
  ok(false, error.stack ?? String(error));
} finally {
  clearTimeout(timer);
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => { child.on('exit', resolve); });
  child.kill('SIGTERM');
  ok((await ended) === 0, 'the node ends with 0 after SIGTERM');
  rmSync(folder, { recursive: true });
}
console.log(`1..${lines}`);
process.exit(failures === 0 ? 0 : 1);
