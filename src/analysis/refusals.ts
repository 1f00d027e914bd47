import type { Severity } from '../types.js';

/** Where on its way to a call a connection ended. */
type RefusalStep = 'connect' | 'bind' | 'logon' | 'call';

/** A code that a client's own call ends with: the HRESULT its program sees. */
interface ClientError {
  readonly value: number;
  readonly name: string;
}

/** What is known of one way in which connections fail. */
export interface Refusal {
  readonly step: RefusalStep;
  readonly severity: Severity;
  readonly error: ClientError;
  readonly spec: string;
  readonly cause: string;
  readonly advice: string;
}

const win32 = (code: number, name: string): ClientError => ({ value: (0x8007_0000 | code) >>> 0, name });
const UNAVAILABLE = win32(0x6ba, 'RPC_S_SERVER_UNAVAILABLE');
const NOT_EXECUTED = win32(0x6bf, 'RPC_S_CALL_FAILED_DNE');
const DENIED: ClientError = { value: 0x8007_0005, name: 'E_ACCESSDENIED' };
const TOO_BUSY = win32(0x6bb, 'RPC_S_SERVER_TOO_BUSY');
const TCP = 'RFC 9293 3.8.3';
const PORTS =
  'Allow TCP 135 and the dynamic RPC ports (49152 to 65535 unless the server is set to others) from this client to this server';

/** Ways in which connections end before they carry a call, by the name of the finding. */
export const REFUSALS = {
  'port-unanswered': {
    step: 'connect',
    severity: 'error',
    error: UNAVAILABLE,
    spec: TCP,
    cause: 'A firewall drops the packets, or the host is off or not reachable',
    advice: PORTS,
  },
  'mapper-unanswered': {
    step: 'connect',
    severity: 'error',
    error: UNAVAILABLE,
    spec: TCP,
    cause: 'The host is off or not reachable, or a firewall drops the packets',
    advice: PORTS,
  },
  'port-refused': {
    step: 'connect',
    severity: 'error',
    error: UNAVAILABLE,
    spec: 'RFC 9293 3.5.2',
    cause: 'Nothing listens there: the process that served the object has ended, or a firewall answers for it',
    advice: 'Activate the object anew; where that fails as well, look at the service and at firewalls that reject',
  },
  'mapper-refused': {
    step: 'connect',
    severity: 'error',
    error: UNAVAILABLE,
    spec: 'RFC 9293 3.5.2',
    cause:
      'No endpoint mapper listens there: the service RpcSs is stopped, it is no Windows host, or a firewall rejects',
    advice: 'See that RpcSs and DcomLaunch run, and that no firewall rejects TCP 135',
  },
  'port-unreachable': {
    step: 'connect',
    severity: 'error',
    error: UNAVAILABLE,
    spec: 'RFC 792, RFC 1122 4.2.3.9',
    cause: 'A firewall or router on the way, or the host itself, does not let the packets through',
    advice: PORTS,
  },
  'closed-before-bind': {
    step: 'connect',
    severity: 'error',
    error: NOT_EXECUTED,
    spec: '[C706] 12.6.4.3',
    cause: 'A firewall or proxy took the connection and closed it, or the process behind the port is no RPC server',
    advice: 'Look for devices on the way that inspect connections, and at what listens on the port',
  },
  'bind-reset': {
    step: 'bind',
    severity: 'error',
    error: NOT_EXECUTED,
    spec: '[C706] 12.6.4.3',
    cause:
      'The process behind the port ended, or a device on the way that inspects RPC does not let the interface pass',
    advice: 'Activate the object anew; look for RPC filters (netsh rpc filter show filter) and inspecting firewalls',
  },
  'bind-unanswered': {
    step: 'bind',
    severity: 'error',
    error: NOT_EXECUTED,
    spec: '[C706] 12.6.4.3',
    cause: 'The server hangs, or a device on the way drops RPC once it sees it',
    advice: 'Capture at the server: when the bind arrives there, look at the process; else at the devices between',
  },
  'context-unknown-interface': {
    step: 'bind',
    severity: 'error',
    error: win32(0x6b5, 'RPC_S_UNKNOWN_IF'),
    spec: '[C706] 12.6.3.1',
    cause:
      'The process behind the port does not serve this interface or version: the port may be another process by now',
    advice: 'Activate or resolve the object anew; check the version of the service',
  },
  'context-transfer-syntax': {
    step: 'bind',
    severity: 'error',
    error: win32(0x6c2, 'RPC_S_UNSUPPORTED_TRANS_SYN'),
    spec: '[C706] 12.6.3.1',
    cause: 'Client and server have no transfer syntax in common: 32-bit servers lack NDR64',
    advice: 'Offer NDR (8a885d04-1ceb-11c9-9fe8-08002b104860) in the bind',
  },
  'context-rejected': {
    step: 'bind',
    severity: 'error',
    error: NOT_EXECUTED,
    spec: '[C706] 12.6.3.1',
    cause: 'The server gives no reason that says more',
    advice: 'Look at the events of the server at this time',
  },
  'server-busy': {
    step: 'bind',
    severity: 'error',
    error: TOO_BUSY,
    spec: '[C706] 12.6.3.1',
    cause: 'The server is at a limit of connections or contexts',
    advice: 'Try again later; look for clients that open connections and keep them',
  },
  'bind-version': {
    step: 'bind',
    severity: 'error',
    error: win32(0x6c0, 'RPC_S_PROTOCOL_ERROR'),
    spec: '[C706] 12.6.4.5',
    cause: 'The server speaks another version of the RPC protocol',
    advice: 'Use a version that the bind_nak names',
  },
  'bind-authentication-type': {
    step: 'logon',
    severity: 'error',
    error: win32(0x6d3, 'RPC_S_UNKNOWN_AUTHN_SERVICE'),
    spec: '[MS-RPCE] 2.2.2.5',
    cause: 'The server does not know the authentication service that the bind asks for, or may not use it',
    advice: 'Offer SPNEGO or Kerberos; see whether a policy of the server restricts NTLM',
  },
  'bind-refused': {
    step: 'bind',
    severity: 'error',
    error: NOT_EXECUTED,
    spec: '[C706] 12.6.4.5',
    cause: 'The server does not say more; authentication that fails in the bind looks like this too',
    advice: 'Look at the security events (4625) and at RPC filters of the server',
  },
  'logon-refused': {
    step: 'logon',
    severity: 'error',
    error: DENIED,
    spec: '[MS-RPCE] 3.3.1.5.2',
    cause: 'Account, password or ticket were not accepted',
    advice: 'Look at the logon events (4625, 4771, 4776) of the server and its domain controller at this time',
  },
  'level-refused': {
    step: 'call',
    severity: 'error',
    error: DENIED,
    spec: '[MS-DCOM] 3.1.1.1',
    cause: 'Servers hardened against CVE-2021-26414 refuse activation and calls below packet integrity (event 10036)',
    advice: 'Raise the authentication level of the client to packet integrity or privacy',
  },
  'call-refused': {
    step: 'call',
    severity: 'error',
    error: DENIED,
    spec: '[MS-RPCE] 3.3.1.5.2',
    cause: 'The logon failed (NTLM tells so only here), or the account may not launch, activate or call there',
    advice:
      'Look at the logon events (4625) and DCOM events (10016, 10027, 10036) of the server; the account needs local administrator rights for remote update agents',
  },
} as const satisfies Readonly<Record<string, Refusal>>;

export type RefusalRule = keyof typeof REFUSALS;

/** Finding for a rejected context, by its p_provider_reason_t ([C706] 12.6.3.1). */
export function contextRefusal(reason: number | null): RefusalRule {
  switch (reason) {
    case 1:
      return 'context-unknown-interface';
    case 2:
      return 'context-transfer-syntax';
    case 3:
      return 'server-busy';
    default:
      return 'context-rejected';
  }
}

/** Finding for a bind_nak, by its reason ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.5). */
export function nakRefusal(reason: number | null): RefusalRule {
  switch (reason) {
    case 1:
    case 2:
      return 'server-busy';
    case 4:
      return 'bind-version';
    case 8:
      return 'bind-authentication-type';
    case 9:
      return 'logon-refused';
    default:
      return 'bind-refused';
  }
}
