// The table of bench/peer/run: spyhop, its peers and the static walk, row by row.
// usage: node table.mjs DIRECTORY
//   DIRECTORY/ours.json              bench_decode's report, with the medians of its repetitions
//   DIRECTORY/polkadot_js.json, papi.json   as printed by decode.mjs
// Ratios are of times: how many times as long a peer takes.
import { readFileSync } from 'node:fs';

const directory = process.argv[2];
const read = (file) => JSON.parse(readFileSync(`${directory}/${file}`, 'utf8'));
const { events } = read('expected.json');
const peers = [read('polkadot_js.json'), read('papi.json')];
const units = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };
const ours = Object.fromEntries(read('ours.json').benchmarks
  .filter((one) => one.aggregate_name === 'median')
  .map((one) => [one.run_name, one.cpu_time * units[one.time_unit]]));

// Peers have one scan: they decode everything, whatever is looked for.
const rows = [
  { what: 'scan for transfers', ours: 'decode/events/scan', peer: 'scan',
    limit: 'decode/events/static_walk', aim: '>= 1000 x' },
  { what: 'scan for all movements', ours: 'decode/events/scan_all_movements', peer: 'scan',
    limit: 'decode/events/static_walk_all_movements', aim: '>= 1000 x' },
  { what: 'full canonical decode', ours: 'decode/events/canonical_json', peer: 'json',
    aim: '>= 100 x' },
  { what: 'JSON text -> transfers', ours: 'decode/events/busy_block', peer: 'text',
    aim: '>= 20 M/s' },
  { what: 'metadata load', ours: 'decode/metadata/polkadot_v15', peer: 'metadata',
    aim: '<= 10 ms', load: true },
];

const three = (number) => (number >= 100 ? number.toFixed(0) : number.toPrecision(3));
const rate = (number) => (number >= 1e6 ? `${three(number / 1e6)} M` : `${three(number / 1e3)} k`);
const speed = ({ load }, seconds) =>
  (load ? `${three(seconds * 1e3)} ms` : rate(events / seconds));
const megabytes = (bytes, seconds) => three(bytes / seconds / 1e6);

// Columns stand in groups: what, spyhop, a peer, another, the static walk.
const groups = [[24], [10, 8, 10], [10, 8, 8], [10, 8, 8], [10, 6]];
const width = (group) => group.reduce((sum, one) => sum + one + 1, -1);
const put = (parts) => console.log(parts.join(' | ').trimEnd());

function line(cells) {
  const rest = [...cells];
  const group = (widths) => widths.map((one) => (rest.shift() ?? '').padStart(one)).join(' ');
  put([rest.shift().padEnd(groups[0][0]), ...groups.slice(1).map(group)]);
}

function cells(row) {
  const own = ours[row.ours];
  const bytes = peers[0].bytes[row.peer];
  const out = [row.what, speed(row, own), megabytes(bytes, own), row.aim];
  for (const { seconds } of peers) {
    const theirs = seconds[row.peer];
    out.push(speed(row, theirs), megabytes(bytes, theirs), `${three(theirs / own)} x`);
  }
  const limit = ours[row.limit];
  if (limit) out.push(speed(row, limit), `${(100 * limit / own).toFixed(0)} %`);
  return out;
}

const titles = ['', 'spyhop', ...peers.map(({ name }) => name), 'static walk'];
put(titles.map((title, i) => title.padEnd(width(groups[i]))));
const peer_columns = ['events/s', 'MB/s', 'ratio'];
line(['', 'events/s', 'MB/s', 'aim', ...peer_columns, ...peer_columns, 'events/s', 'of it']);
for (const row of rows) {
  if (ours[row.ours]) line(cells(row));
  else console.log(`${row.what}: left out, bench_decode has no ${row.ours}`);
}
