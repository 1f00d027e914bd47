import type { ErrorRow } from './rows.js';

/** p_provider_reason_t: why a server rejected a presentation context ([C706] 12.6.3.1). */
export const contextReasons: readonly ErrorRow[] = [
  [0, 'reason_not_specified', 'the context was rejected without a reason'],
  [
    1,
    'abstract_syntax_not_supported',
    'the server does not know the interface at this endpoint',
    'The service is not there, the version differs, or the port belongs to another process.',
  ],
  [
    2,
    'proposed_transfer_syntaxes_not_supported',
    'the server has none of the transfer syntaxes offered',
    'Common for NDR64, which 32-bit servers lack: the client goes on with NDR.',
  ],
  [3, 'local_limit_exceeded', 'the server takes no more contexts'],
];

/** p_reject_reason_t: why a server answered a bind with bind_nak ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.5). */
export const bindReasons: readonly ErrorRow[] = [
  [
    0,
    'REASON_NOT_SPECIFIED',
    'the bind was refused without a reason',
    'Often authentication failed: see the tokens, the account and the level.',
  ],
  [1, 'TEMPORARY_CONGESTION', 'the server is too busy', 'Repeat later.'],
  [2, 'LOCAL_LIMIT_EXCEEDED', 'a limit of the server is reached'],
  [3, 'CALLED_PADDR_UNKNOWN', 'the address called is not known'],
  [
    4,
    'PROTOCOL_VERSION_NOT_SUPPORTED',
    'the server speaks another version of RPC',
    'The bind_nak lists those it speaks.',
  ],
  [5, 'DEFAULT_CONTEXT_NOT_SUPPORTED', 'the default context is not supported'],
  [6, 'USER_DATA_NOT_READABLE', 'the user data cannot be read'],
  [7, 'NO_PSAP_AVAILABLE', 'no service access point is free'],
  [
    8,
    'AUTHENTICATION_TYPE_NOT_RECOGNIZED',
    'the server does not know the authentication type',
    'Offer SPNEGO or NTLM.',
  ],
  [
    9,
    'INVALID_CHECKSUM',
    'authentication of the bind failed',
    'The token is damaged, or an intermediary altered the PDU.',
  ],
];
