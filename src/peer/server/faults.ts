/** Faults and statuses of RPC that a server answers with ([C706] appendix E, [MS-ERREF] 2.2). */
export const NCA_OP_RNG = 0x1c010002;
export const NCA_UNK_IF = 0x1c010003;
export const NCA_FAULT_UNSPEC = 0x1c000012;
export const RPC_X_BAD_STUB_DATA = 0x6f7;
export const ERROR_ACCESS_DENIED = 5;
/** Statuses of the object resolver ([MS-DCOM] 3.1.2.5.1). */
export const OR_INVALID_OXID = 0x776;
export const OR_INVALID_OID = 0x777;
export const OR_INVALID_SET = 0x778;
