import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agent, goPeer, impacketPeer, run, USER } from '../../test/interop/agents.js';

/**
 * Makes captures/sessions: clients that others wrote (test/interop/peers) against the simulated update agent on port
 * 135, which needs
 * root, Python with test/interop/peers/requirements.txt, and Go. What the clients send is encoded by their own
 * libraries; every run
 * differs in its identifiers and times, so that no test compares these bytes with new ones.
 */
const folder = join(dirname(fileURLToPath(import.meta.url)), '../sessions');
const peers = { impacket: impacketPeer(), 'go-msrpc': goPeer() };

for (const [name, peer] of Object.entries(peers)) {
  if (peer === null) continue;
  const [command, ...args] = peer;
  for (const level of ['integrity', 'privacy']) {
    const serving = await agent(join(folder, `${name}-${level}.pcapng`), { port: 135, objectPort: 49_668 });
    const { status, err } = await run(command, [...args, '127.0.0.1', '135', USER.user, USER.password, level]).finally(
      () => serving.close(),
    );
    if (status !== 0) throw new Error(`${name} ended with status ${String(status)}: ${err}`);
  }
}
