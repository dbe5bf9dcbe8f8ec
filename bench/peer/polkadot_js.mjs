// @polkadot/types, the decoder of @polkadot/api: what a watcher does with it.
import { Metadata, TypeRegistry, packageInfo } from '@polkadot/types';

export const name = `@polkadot/api ${packageInfo.version}`;

export function load(metadata) {
  const registry = new TypeRegistry();
  registry.setMetadata(new Metadata(registry, metadata));
  const records = (value) => registry.createType('Vec<FrameSystemEventRecord>', value);

  // It decodes every field of every event; there is no other way to the transfers.
  const scan = (value) => {
    const list = records(value);
    const transfers = [];
    for (const { event } of list) {
      const kind = `${event.section}.${event.method}`;
      if (kind !== 'balances.Transfer' && !kind.endsWith('ssets.Transferred')) continue;
      const { from, to, amount } = event.data;
      transfers.push({ from: from.toHex(), to: to.toHex(), amount: amount.toBigInt() });
    }
    return { events: list.length, transfers };
  };

  // toJSON() is the faster of its two texts, without the names; toHuman() takes more than twice
  // as long.
  const json = (value) => JSON.stringify(records(value).toJSON());
  return { scan, json };
}
