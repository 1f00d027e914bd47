// A JavaScript project that uses the packed package; ci/packed/run.sh runs it.
import assert from 'node:assert/strict';
import { decode, serve, connect } from 'uamgscope';

const [, , capture] = process.argv;
const kinds = new Map();
for await (const { kind } of decode(capture)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
assert.equal(kinds.get('call'), 60);
assert.equal(kinds.get('summary'), 1);

const agent = await serve({ model: 'node_modules/uamgscope/captures/models/sample.yaml', user: 'alice', password: 'secret' });
const client = connect({ target: `127.0.0.1:${agent.port}`, user: 'alice', password: 'secret' });
const session = await client.activate('UpdateSession');
const searcher = await session.call('CreateUpdateSearcher');
const found = await searcher.call('Search', 'IsInstalled=0');
assert.ok((await (await found.get('Updates')).count()) > 0);
await client.close();
await agent.close();
console.log(`plain: ${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')}; the agent answers`);
