// The truth about a node's finalized chain, read by @polkadot/api, to compare alerts with.
//
//   node node_truth.mjs URL FROM TO
//
// Prints one line of JSON for every transfer of the finalized blocks FROM..TO (both included):
//   {"block":1000,"hash":"0x…","index":7,"from":"0x…","to":"0x…","amount":"123"}
// and at the end {"blocks":N}. Blocks follow from TO downward by parent hash, so the answer does
// not depend on how the node maps numbers to hashes.
import { ApiPromise, WsProvider } from '@polkadot/api';

const [url, from, to] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const events_key = '0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7';
const movements = new Set(['balances.Transfer', 'assets.Transferred', 'foreignAssets.Transferred',
  'poolAssets.Transferred', 'tokens.Transfer']);
const at_once = 64;

const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
const hashes = [];
let hash = (await api.rpc.chain.getBlockHash(to)).toHex();
for (let number = to; number >= from; number -= 1) {
  hashes.push([number, hash]);
  hash = (await api.rpc.chain.getHeader(hash)).parentHash.toHex();
}
hashes.reverse();

async function transfers_of([number, block_hash]) {
  const bytes = await api.rpc.state.getStorage.raw(events_key, block_hash);
  const records = api.createType('Vec<EventRecord>', bytes);
  return records.flatMap(({ event }, index) => {
    if (!movements.has(`${event.section}.${event.method}`)) return [];
    const field = (wanted) => event.data[event.data.names.indexOf(wanted)];
    return [JSON.stringify({ block: number, hash: block_hash, index, from: field('from').toHex(),
      to: field('to').toHex(), amount: field('amount').toString() })];
  });
}

for (let at = 0; at < hashes.length; at += at_once) {
  const parts = await Promise.all(hashes.slice(at, at + at_once).map(transfers_of));
  for (const line of parts.flat()) console.log(line);
}
process.stdout.write(`${JSON.stringify({ blocks: hashes.length })}\n`, () => process.exit(0));
