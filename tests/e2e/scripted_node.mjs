// A node that plays a recorded RPC session, and misbehaves when told to.
//
//   node scripted_node.mjs '{"recording": "x.jsonl", "faults": [...], "tls": {...}}'
//
// Answers by method and parameters from the recording (what was recorded for the method where the
// parameters differ), and from its blocks where a client asks about one of them by hash. The
// recorded notices come in their recorded order, `block_ms` between blocks, from the moment a
// client has subscribed to heads, finalized heads and storage; a later connection hears the rest.
//
// Options: faults: [{at: N, kind: K}] happen once, before the N-th notice (0-based);
//   no_methods: methods that are refused; genesis: another answer for block 0;
//   tls: {key, cert} (paths): wss.
// Prints "listening on URL", then a line for each connection, fault and the end of the recording.
import { readFileSync } from 'node:fs';
import { createServer as create_plain } from 'node:http';
import { createServer as create_tls } from 'node:https';
import { WebSocketServer } from 'ws';

const options = JSON.parse(process.argv[2]);
const say = (text) => process.stdout.write(`${text}\n`);
const faults = [...(options.faults ?? [])];
const block_ms = options.block_ms ?? 40;
const faulty_subscription = '{"jsonrpc":"2.0","method":"state_storage","params":{"subscr';

// --- the recording ---------------------------------------------------------------------------

const exact = new Map(); // method and parameters -> members of the reply
const by_method = new Map();
const headers = new Map(); // hash -> header
const changes = new Map(); // hash -> change set
const notices = [];
let runtime_notice = null;
const asked = new Map();
for (const line of readFileSync(options.recording, 'utf8').split('\n').filter(Boolean)) {
  const { dir, frame } = JSON.parse(line);
  if (dir === '>') {
    asked.set(frame.id, frame);
  } else if (frame.id === undefined) {
    if (frame.method === 'state_runtimeVersion') runtime_notice = frame;
    else notices.push(frame);
    const { result } = frame.params;
    if (frame.method === 'state_storage') changes.set(result.block, result);
  } else {
    const { method, params } = asked.get(frame.id);
    const reply = frame.error ? { error: frame.error } : { result: frame.result };
    exact.set(method + JSON.stringify(params), reply);
    if (!by_method.has(method)) by_method.set(method, reply);
    if (method === 'chain_getBlock' && frame.result)
      headers.set(params[0], frame.result.block.header);
  }
}
// A head's own hash is in no frame with it; its child names it, and so does the block recorded.
for (const { params: { result: head } } of notices)
  if (head.parentHash) {
    const parent = notices.find(({ params: { result: other } }) =>
      other.number && Number(other.number) === Number(head.number) - 1);
    if (parent && !headers.has(head.parentHash)) headers.set(head.parentHash, parent.params.result);
  }

// --- answers ---------------------------------------------------------------------------------

let next_notice = 0;
const played_heads = () =>
  notices.slice(0, next_notice).filter(({ method }) => method === 'chain_newHead');
const refused = (code, message) => ({ error: { code, message } });

function answer({ method, params }) {
  if ((options.no_methods ?? []).includes(method)) return refused(-32601, 'Method not found');
  if (method === 'chain_getBlockHash' && options.genesis && params[0] === 0)
    return { result: options.genesis };
  if (method === 'chain_getBlockHash') return block_hash(params);
  const found = exact.get(method + JSON.stringify(params));
  if (method === 'chain_getHeader') {
    if (params.length > 0) return { result: headers.get(params[0]) ?? null };
    return { result: played_heads().at(-1)?.params.result ?? found.result };
  }
  if (method === 'state_queryStorageAt') {
    const set = changes.get(params[1]);
    return set ? { result: [set] } : refused(-32000, 'unknown block');
  }
  if (method === 'state_call') {
    const any = exact.get(method + JSON.stringify([params[0], params[1]]));
    return any ?? refused(-32603, 'not recorded'); // its clients have state_getMetadata
  }
  return found ?? by_method.get(method) ?? refused(-32601, `Method not found: ${method}`);
}

function block_hash(params) {
  if (params.length === 0) {
    const head = played_heads().at(-1)?.params.result;
    for (const [hash, header] of headers)
      if (header.number === head?.number) return { result: hash };
    return by_method.get('chain_getFinalizedHead');
  }
  for (const [hash, header] of headers)
    if (Number(header.number) === params[0]) return { result: hash };
  return exact.get(`chain_getBlockHash${JSON.stringify(params)}`) ?? { result: null };
}

// --- playing ---------------------------------------------------------------------------------

const needed = [
  'chain_subscribeNewHeads', 'chain_subscribeFinalizedHeads', 'state_subscribeStorage',
];
let listener = null; // the connection that hears the notices
let refusals = 0;

const disturb = {
  close: (socket) => socket.close(1001),
  reset: (socket) => socket._socket.resetAndDestroy(),
  malformed_json: (socket) => socket.send(faulty_subscription),
  not_an_envelope: (socket) => socket.send('[1,2,{"a":null}]'),
  deep_json: (socket) => socket.send('['.repeat(5000)),
  binary: (socket) => socket.send(Buffer.from([0, 1, 2, 255]), { binary: true }),
  unknown_subscription: (socket) => socket.send(
    '{"jsonrpc":"2.0","method":"state_storage","params":{"subscription":"nobody","result":{}}}'),
  unknown_reply: (socket) => socket.send('{"jsonrpc":"2.0","id":987654321,"result":"0x00"}'),
  // Text frames by hand (RFC 6455 section 5.2): one promises 33 MB, one more bytes than come.
  oversize_frame: (socket) => socket._socket.write(
    Buffer.from([0x81, 127, 0, 0, 0, 0, 0x02, 0x10, 0, 0, 0x7b])),
  truncated_frame: (socket) => {
    socket._socket.write(Buffer.from([0x81, 126, 0x03, 0xe8, 0x7b, 0x22]));
    socket._socket.end();
  },
  invalid_utf8: (socket) => socket._socket.write(Buffer.from([0x81, 3, 0x22, 0xff, 0x22])),
  masked_frame: (socket) => socket._socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x7a, 0x7f])),
  reserved_opcode: (socket) => socket._socket.write(Buffer.from([0x83, 0x00])),
  error_reply: () => { refusals = 2; },
  garbage_events: (socket) => spoil(socket, '0x10ffffffff'),
  events_no_hex: (socket) => spoil(socket, '0xzz'),
};

// The next storage notice, and what is asked about its block, carry `events`.
function spoil(_, events) {
  const notice = notices.slice(next_notice).find((n) => n.method === 'state_storage');
  if (notice) notice.params.result.changes[0][1] = events;
}

function play_next() {
  if (listener === null) return;
  const due = faults.findIndex((fault) => fault.at <= next_notice);
  if (due >= 0) {
    const [fault] = faults.splice(due, 1);
    say(`fault ${fault.kind} before notice ${next_notice}`);
    disturb[fault.kind](listener);
    setTimeout(play_next, block_ms);
    return;
  }
  if (next_notice === notices.length) {
    say('the recording is over');
    return;
  }
  const notice = notices[next_notice];
  next_notice += 1;
  listener.send(JSON.stringify(notice));
  setTimeout(play_next, notice.method === 'state_storage' ? block_ms : 0);
}

function serve(socket) {
  say('connection');
  const subscribed = new Set();
  socket.on('message', (text) => {
    const question = JSON.parse(text);
    if (question.method === 'state_subscribeRuntimeVersion' && runtime_notice)
      socket.send(JSON.stringify(runtime_notice)); // this server names a subscription too late
    if (refusals > 0) refusals -= 1;
    const reply = refusals > 0 ? refused(-32000, 'come back later') : answer(question);
    socket.send(JSON.stringify({ id: question.id, jsonrpc: '2.0', ...reply }));
    subscribed.add(question.method);
    if (listener !== socket && needed.every((method) => subscribed.has(method))) {
      listener = socket;
      setTimeout(play_next, block_ms);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    say('disconnection');
    if (listener === socket) listener = null;
  });
}

const server = options.tls
  ? create_tls({ key: readFileSync(options.tls.key), cert: readFileSync(options.tls.cert) })
  : create_plain();
server.on('tlsClientError', (error) => say(`tls: ${error.message}`));
const sockets = new WebSocketServer({ server });
sockets.on('connection', serve);
server.listen(0, '127.0.0.1', () => {
  say(`listening on ${options.tls ? 'wss' : 'ws'}://127.0.0.1:${server.address().port}`);
});
