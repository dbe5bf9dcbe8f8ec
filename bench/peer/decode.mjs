// One peer on the bytes of the busy block: how long its rows of the table take.
// usage: node decode.mjs PEER DIRECTORY
//   PEER       a file beside this one: polkadot_js or papi
//   DIRECTORY  as written by bench_decode --dump
// Prints one JSON line: { name, bytes: {…}, seconds: {…} }. Ends with 1 if the peer does not find
// in the bytes what spyhop found there.
//
// A peer exports its name and load(metadata), which returns
//   scan(value)   -> { events, transfers: [{ from, to, amount }] }, value a Uint8Array or hex text
//   json(value)   -> the records as one JSON text
//
// Seconds are measured as those of bench_decode are: of processor time, a mean over many rounds,
// and the median of five such means, after a warm-up. Wall clock would count what other programs
// on the machine do against the peer.
import { readFileSync } from 'node:fs';

const [peer, directory] = process.argv.slice(2);
const { name, load } = await import(new URL(`${peer}.mjs`, import.meta.url));

const WARM_UP_S = 1;
const MEAN_S = 0.5;
const MEANS = 5;

function cpu_seconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function mean(run, duration) {
  const start = cpu_seconds();
  let rounds = 0;
  let spent = 0;
  while (spent < duration) {
    run();
    rounds += 1;
    spent = cpu_seconds() - start;
  }
  return spent / rounds;
}

function median(run) {
  mean(run, WARM_UP_S);
  const means = Array.from({ length: MEANS }, () => mean(run, MEAN_S)).sort((a, b) => a - b);
  return means[MEANS >> 1];
}

function check(found, json, where) {
  const expected = JSON.parse(readFileSync(`${directory}/expected.json`, 'utf8'));
  const amounts = found.transfers.reduce((sum, { amount }) => sum + amount, 0n);
  const same = found.events === expected.events && amounts === BigInt(expected.amounts) &&
    found.transfers.length === expected.transfers && JSON.parse(json).length === expected.events;
  if (same) return;
  console.error(`${name} disagrees with spyhop on ${where}: ${found.events} events, ` +
    `${found.transfers.length} transfers, ${amounts} in all; expected ${JSON.stringify(expected)}`);
  process.exit(1);
}

const bytes = (file) => new Uint8Array(readFileSync(`${directory}/${file}`));
const value = bytes('value.scale');
const text = readFileSync(`${directory}/frame.json`, 'utf8');
const compile = bytes('compile.scale');
const decoder = load(bytes('metadata.scale'));

const scanText = () => {
  const [[, hex]] = JSON.parse(text).params.result.changes;
  return decoder.scan(hex);
};
check(decoder.scan(value), decoder.json(value), 'the SCALE bytes');
check(scanText(), decoder.json(value), 'the JSON text');

console.log(JSON.stringify({
  name,
  bytes: { scan: value.length, json: value.length, text: text.length, metadata: compile.length },
  seconds: {
    scan: median(() => decoder.scan(value)),
    json: median(() => decoder.json(value)),
    text: median(scanText),
    metadata: median(() => load(compile)),
  },
}));
