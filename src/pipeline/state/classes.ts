import { Classes } from '../../analysis/classes.js';
import { Contexts as BoundContexts } from '../../analysis/contexts.js';
import { Interfaces } from '../../analysis/interfaces.js';
import { Roles } from '../../analysis/roles.js';
import { Lookup } from '../../dcom/lookup.js';
import { Pair } from '../../net/stream-pair.js';
import { Stream } from '../../net/stream.js';
import { Waits } from '../../net/waiting-queue.js';
import { Association } from '../../rpc/association.js';
import { AuthNames } from '../../rpc/auth.js';
import { Calls } from '../../rpc/calls.js';
import { Contexts } from '../../rpc/contexts.js';
import { Assembly, PduStream } from '../../rpc/framing.js';
import { PendingCall } from '../../rpc/ledger.js';
import { Connection } from '../../rpc/observer.js';
import { StubBuilder, WholeStub } from '../../rpc/stub.js';
import { CallTable } from '../../rpc/table.js';
import { PduView } from '../../rpc/view.js';
import { Handshake } from '../../security/handshakes.js';
import { KerberosExchange } from '../../security/kerberos/handshake.js';
import { KerberosProtector, zeros } from '../../security/kerberos/protector.js';
import { Numbers } from '../../security/kerberos/numbers.js';
import { Rc4Protector } from '../../security/kerberos/rc4.js';
import { HmacMd5 } from '../../security/md5.js';
import { NtlmExchange } from '../../security/ntlm/exchange.js';
import { NtlmDirection } from '../../security/ntlm/protector.js';
import { NtlmWatcher, SearchBudget } from '../../security/ntlm/watcher.js';
import { Rc4 } from '../../security/rc4.js';
import { Secrets } from '../../security/secrets.js';
import { SmbStream } from '../../smb/framing.js';
import { Connection as SmbConnection } from '../../smb/observer.js';
import { Opens } from '../../smb/opens.js';
import { Smb1 } from '../../smb/smb1.js';
import { Smb2 } from '../../smb/smb2.js';
import type { Stateful } from './graph.js';

/** Classes whose objects come and go while packets are read, by the names they have in a state. */
export const STATEFUL: ReadonlyMap<string, Stateful> = new Map<string, Stateful>([
  ['net/Pair', Pair],
  ['net/Stream', Stream],
  ['net/Waits', Waits],
  ['smb/Connection', SmbConnection],
  ['smb/Opens', Opens],
  ['smb/Smb1', Smb1],
  ['smb/Smb2', Smb2],
  ['smb/SmbStream', SmbStream],
  ['rpc/Assembly', Assembly],
  ['rpc/Association', Association],
  ['rpc/AuthNames', AuthNames],
  ['rpc/Calls', Calls],
  ['rpc/CallTable', CallTable],
  ['rpc/Connection', Connection],
  ['rpc/Contexts', Contexts],
  ['rpc/PduStream', PduStream],
  ['rpc/PendingCall', PendingCall],
  ['rpc/StubBuilder', StubBuilder],
  ['rpc/WholeStub', WholeStub],
  ['security/Handshake', Handshake],
  ['security/HmacMd5', HmacMd5],
  ['security/KerberosExchange', KerberosExchange],
  ['security/KerberosProtector', KerberosProtector],
  ['security/NtlmDirection', NtlmDirection],
  ['security/NtlmExchange', NtlmExchange],
  ['security/NtlmWatcher', NtlmWatcher],
  ['security/Numbers', Numbers],
  ['security/Rc4', Rc4],
  ['security/Rc4Protector', Rc4Protector],
  ['security/SearchBudget', SearchBudget],
  ['dcom/Lookup', Lookup],
  ['analysis/Contexts', BoundContexts],
]);

/** Classes that hold tables or secrets, what is worked out again, or the packet at hand. */
export const FIXED: readonly Stateful[] = [Classes, Interfaces, Roles, Secrets, PduView];

/** Functions and constants that objects come to hold, and that are there without them. */
export const CONSTANTS: readonly object[] = [zeros];
