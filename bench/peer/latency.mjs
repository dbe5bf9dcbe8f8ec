// The same job as spyhop's, done with @polkadot/api: follow System.Events of a node, decode every
// block, and say its number on a line for each transfer of the chain's own token that is large
// enough. A peer of `spyhop bench latency`:
//
//   npm ci && spyhop bench latency --peer "node bench/peer/latency.mjs"
//
// The last argument is the node's URL; SPYHOP_BENCH_MINIMUM the least amount, in planck. One
// subscription carries the number and the events, as spyhop's does, so that nothing is asked again.
import { ApiPromise, WsProvider } from '@polkadot/api';

const minimum = BigInt(process.env.SPYHOP_BENCH_MINIMUM ?? '0');
const api = await ApiPromise.create({
  provider: new WsProvider(process.argv.at(-1)),
  noInitWarn: true,
});
const queries = [api.query.system.number, api.query.system.events];
await api.queryMulti(queries, ([number, records]) => {
  let lines = '';
  for (const { event } of records) {
    if (event.section !== 'balances' || event.method !== 'Transfer') continue;
    if (event.data.amount.toBigInt() >= minimum) lines += `${number.toNumber()}\n`;
  }
  if (lines) process.stdout.write(lines);
});
