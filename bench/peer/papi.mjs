// @polkadot-api/substrate-bindings, the decoder of polkadot-api, with the codec that its client
// builds from a metadata.
import { readFileSync } from 'node:fs';
import { getDynamicBuilder, getLookupFn } from '@polkadot-api/metadata-builders';
import { decAnyMetadata, unifyMetadata } from '@polkadot-api/substrate-bindings';

const place = 'node_modules/@polkadot-api/substrate-bindings/package.json';
const { version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
export const name = `polkadot-api ${version}`;

const plain = (_, value) => (typeof value === 'bigint' ? value.toString() : value);

export function load(metadata) {
  const builder = getDynamicBuilder(getLookupFn(unifyMetadata(decAnyMetadata(metadata))));
  const { dec } = builder.buildStorage('System', 'Events').value;

  // It decodes every field of every event; there is no other way to the transfers.
  const scan = (value) => {
    const list = dec(value);
    const transfers = [];
    for (const { event } of list) {
      const { type, value: fields } = event.value;
      if (event.type === 'Balances' ? type === 'Transfer'
        : type === 'Transferred' && event.type.endsWith('ssets')) {
        transfers.push({ from: fields.from, to: fields.to, amount: fields.amount });
      }
    }
    return { events: list.length, transfers };
  };

  const json = (value) => JSON.stringify(dec(value), plain);
  return { scan, json };
}
