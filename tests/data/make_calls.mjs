// Makes tests/data/calls.jsonl: calls inside calls, and who acts in each, for test_calls.cpp.
//
//   npm ci && node make_calls.mjs CORPUS > calls.jsonl
//
// The bytes are encoded by @polkadot/types, derived accounts computed by @polkadot/util-crypto;
// which call an account makes is written here by hand, from what the pallets' documentation says.
// A line: metadata (CORPUS/… or metadata/…), signer, call, fee payer where it is not the signer,
// and one text for each innermost call: path | wrappers | origin | actor | call.
import { readFileSync } from 'node:fs';
import { TypeRegistry, expandMetadata } from '@polkadot/types';
import { Metadata } from '@polkadot/types/metadata';
import { u8aToHex } from '@polkadot/util';
import { createKeyDerived, createKeyMulti } from '@polkadot/util-crypto';

const corpus = process.argv[2];
const account = (byte, size = 32) => u8aToHex(new Uint8Array(size).fill(byte));
const cut = (hash, who) => u8aToHex(hash.slice(0, (who.length - 2) / 2));
const multi = (who, threshold) => cut(createKeyMulti(who, threshold), who[0]);
const derived = (who, index) => cut(createKeyDerived(who, index), who);
const [A, B, C, D, E] = [0xaa, 0x0b, 0xcc, 0x1d, 0xee].map((byte) => account(byte));
const weight = { proofSize: 1, refTime: 1 };
const transfer = 'Balances.transfer_keep_alive';
const remark = 'System.remark';

let metadata, tx;
function use(name) {
  metadata = name;
  const path = name.startsWith('CORPUS/') ? corpus + name.slice(6) : name;
  const registry = new TypeRegistry();
  const blob = new Metadata(registry, u8aToHex(readFileSync(path)));
  registry.setMetadata(blob);
  tx = expandMetadata(registry, blob).tx;
}
function line(signer, call, leaves, feePayer) {
  const record = { metadata, signer, call: call.toHex(), feePayer, leaves };
  console.log(JSON.stringify(record));
}
const leaf = (path, via, origin, actor, call) => [path, via, origin, actor ?? '', call].join('|');
const pay = (to) => tx.balances.transferKeepAlive({ Id: to }, 1);
const note = () => tx.system.remark('0x');

use('metadata/polkadot-2000000.v15.scale');
line(A, pay(B), [leaf('', '', 'signed', A, transfer)]);
line(A, tx.utility.batch([]), []);
const batches = [pay(B), note(), tx.utility.forceBatch([pay(C)]), tx.utility.batchAll([])];
line(A, tx.utility.batch(batches), [
  leaf('0', 'Utility.batch', 'signed', A, transfer),
  leaf('1', 'Utility.batch', 'signed', A, remark),
  leaf('2.0', 'Utility.batch>Utility.force_batch', 'signed', A, transfer),
]);
line(A, tx.utility.asDerivative(258, tx.utility.asDerivative(3, pay(B))), [
  leaf('0.0', 'Utility.as_derivative>Utility.as_derivative', 'signed',
    derived(derived(A, 258), 3), transfer),
]);
const both = tx.utility.batchAll([pay(C), tx.utility.asDerivative(0, note())]);
line(A, tx.proxy.proxy({ Id: B }, null, both), [
  leaf('0.0', 'Proxy.proxy>Utility.batch_all', 'signed', B, transfer),
  leaf('0.1.0', 'Proxy.proxy>Utility.batch_all>Utility.as_derivative', 'signed', derived(B, 0),
    remark),
]);
line(A, tx.proxy.proxyAnnounced({ Id: D }, { Id: B }, 'Any', note()), [
  leaf('0', 'Proxy.proxy_announced', 'signed', B, remark),
]);
line(A, tx.multisig.asMulti(2, [B, C], null, pay(D), weight), [
  leaf('0', 'Multisig.as_multi', 'signed', multi([A, B, C], 2), transfer),
]);
line(B, tx.multisig.asMulti(513, [D, A, E], { height: 5, index: 1 },
  tx.multisig.asMultiThreshold1([C, E], pay(D)), weight), [
  leaf('0.0', 'Multisig.as_multi>Multisig.as_multi_threshold_1', 'signed',
    multi([multi([A, B, D, E], 513), C, E], 1), transfer),
]);
// The pallet wants the others ascending, and without the caller.
line(A, tx.multisig.asMultiThreshold1([C, B], note()), [
  leaf('0', 'Multisig.as_multi_threshold_1', 'signed', null, remark),
]);
line(A, tx.multisig.asMultiThreshold1([B, A], note()), [
  leaf('0', 'Multisig.as_multi_threshold_1', 'signed', null, remark),
]);
const origins = [['Root', 'root'], ['None', 'none'], [{ Signed: C }, 'signed', C]];
for (const [origin, name, actor] of origins) {
  line(A, tx.utility.dispatchAs({ system: origin }, note()), [
    leaf('0', 'Utility.dispatch_as', name, actor, remark),
  ]);
}
line(A, tx.utility.dispatchAs({ Origins: 'Treasurer' }, note()), [
  leaf('0', 'Utility.dispatch_as', 'other', null, remark),
]);
line(A, tx.utility.withWeight(pay(B), weight), [
  leaf('0', 'Utility.with_weight', 'signed', A, transfer),
]);
line(A, tx.whitelist.dispatchWhitelistedCallWithPreimage(note()), [
  leaf('0', 'Whitelist.dispatch_whitelisted_call_with_preimage', 'root', null, remark),
]);

use('metadata/substrate-node-268.v16.scale');
line(A, tx.proxy.proxy({ Index: 7 }, null, note()), [
  leaf('0', 'Proxy.proxy', 'signed', null, remark),
]);
line(A, tx.sudo.sudo(tx.utility.batch([note(), tx.proxy.proxy({ Id: B }, null, note())])), [
  leaf('0.0', 'Sudo.sudo>Utility.batch', 'root', null, remark),
  leaf('0.1.0', 'Sudo.sudo>Utility.batch>Proxy.proxy', 'signed', B, remark),
]);
line(A, tx.sudo.sudoUncheckedWeight(note(), weight), [
  leaf('0', 'Sudo.sudo_unchecked_weight', 'root', null, remark),
]);
line(A, tx.sudo.sudoAs({ Id: C }, note()), [leaf('0', 'Sudo.sudo_as', 'signed', C, remark)]);
// Root has no derived accounts.
line(A, tx.sudo.sudo(tx.utility.asDerivative(1, note())), [
  leaf('0.0', 'Sudo.sudo>Utility.as_derivative', 'signed', null, remark),
]);
line(A, tx.utility.ifElse(note(), tx.utility.batch([note(), note()])), [
  leaf('0', 'Utility.if_else', 'signed', A, remark),
  leaf('1.0', 'Utility.if_else>Utility.batch', 'signed', A, remark),
  leaf('1.1', 'Utility.if_else>Utility.batch', 'signed', A, remark),
]);
line(A, tx.council.execute(note(), 10), [leaf('0', 'Council.execute', 'other', null, remark)]);
line(A, tx.recovery.asRecovered({ Id: D }, note()), [
  leaf('0', 'Recovery.as_recovered', 'signed', D, remark),
]);

// A call with its length in front (WrapperKeepOpaque), as multisig had it until 2022.
use('CORPUS/metadata/westend-9180.v14.scale');
line(A, tx.multisig.asMulti(2, [B, C], null, note(), false, 1), [
  leaf('0', 'Multisig.as_multi', 'signed', multi([A, B, C], 2), remark),
]);

// Accounts of 20 bytes.
use('CORPUS/metadata/mythos-1015.v15.scale');
const [a, b, c] = [0xaa, 0x0b, 0xcc].map((byte) => account(byte, 20));
line(a, tx.utility.asDerivative(9, note()), [
  leaf('0', 'Utility.as_derivative', 'signed', derived(a, 9), remark),
]);
line(a, tx.multisig.asMulti(2, [b, c], null, note(), weight), [
  leaf('0', 'Multisig.as_multi', 'signed', multi([a, b, c], 2), remark),
]);
line(a, tx.mythProxy.proxy(b, note()), [leaf('0', 'MythProxy.proxy', 'signed', b, remark)]);

use('CORPUS/metadata/acala-2170.v14.scale');
line(A, tx.transactionPayment.withFeePaidBy(note(), B, { Sr25519: `0x${'00'.repeat(64)}` }), [
  leaf('0', 'TransactionPayment.with_fee_paid_by', 'signed', A, remark),
], B);
line(A, tx.transactionPayment.withFeePath([], tx.proxy.proxy({ Id: C }, null, note())), [
  leaf('0.0', 'TransactionPayment.with_fee_path>Proxy.proxy', 'signed', C, remark),
]);
