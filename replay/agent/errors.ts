/** HRESULTs of the Windows Update Agent that the agent answers with; the COM ones stand in src/peer/server/dispatch.ts. */
export const WU_E_NO_SERVICE = 0x80240001;
export const WU_E_UNKNOWN_ID = 0x80240003;
export const WU_E_INVALIDINDEX = 0x80240007;
export const WU_E_NO_CONNECTION = 0x8024001f;
export const WU_E_INVALID_CRITERIA = 0x80240032;
export const WU_E_NOT_SUPPORTED = 0x80240037;
export const WU_E_UNKNOWN_SERVICE = 0x80240042;
