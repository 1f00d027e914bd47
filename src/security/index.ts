export type { Message, Protector, SecurityContext, Unprotected } from './context.js';
export { handshakeFindings, type HandshakeFacts } from './handshakes.js';
export { SecurityObserver } from './observer.js';
export type { SecretList, SessionKey } from './secrets.js';
export { ntHash } from './ntlm/derive.js';
export {
  NtlmAcceptor,
  NtlmInitiator,
  type AcceptorOptions,
  type HandshakeSide,
  type InitiatorOptions,
  type Step,
} from './ntlm/handshake.js';
export { protectPdu, unprotectPdu } from './pdu.js';
