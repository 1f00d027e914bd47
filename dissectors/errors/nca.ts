/** Status codes of fault PDUs, [C706] appendix E, as DCE runtimes send them. */
export const nca: readonly (readonly [value: number, name: string])[] = [
  [0x1c000001, 'nca_s_fault_int_div_by_zero'], [0x1c000002, 'nca_s_fault_addr_error'], [0x1c000003, 'nca_s_fault_fp_div_zero'], [0x1c000004, 'nca_s_fault_fp_underflow'],
  [0x1c000005, 'nca_s_fault_fp_overflow'], [0x1c000006, 'nca_s_fault_invalid_tag'], [0x1c000007, 'nca_s_fault_invalid_bound'], [0x1c000008, 'nca_s_rpc_version_mismatch'],
  [0x1c000009, 'nca_s_unspec_reject'], [0x1c00000a, 'nca_s_bad_actid'], [0x1c00000b, 'nca_s_who_are_you_failed'], [0x1c00000c, 'nca_s_manager_not_entered'],
  [0x1c00000d, 'nca_s_fault_cancel'], [0x1c00000e, 'nca_s_fault_ill_inst'], [0x1c00000f, 'nca_s_fault_fp_error'], [0x1c000010, 'nca_s_fault_int_overflow'],
  [0x1c000012, 'nca_s_fault_unspec'], [0x1c000013, 'nca_s_fault_remote_comm_failure'], [0x1c000014, 'nca_s_fault_pipe_empty'], [0x1c000015, 'nca_s_fault_pipe_closed'],
  [0x1c000016, 'nca_s_fault_pipe_order'], [0x1c000017, 'nca_s_fault_pipe_discipline'], [0x1c000018, 'nca_s_fault_pipe_comm_error'], [0x1c000019, 'nca_s_fault_pipe_memory'],
  [0x1c00001a, 'nca_s_fault_context_mismatch'], [0x1c00001b, 'nca_s_fault_remote_no_memory'], [0x1c00001c, 'nca_s_invalid_pres_context_id'], [0x1c00001d, 'nca_s_unsupported_authn_level'],
  [0x1c00001f, 'nca_s_invalid_checksum'], [0x1c000020, 'nca_s_invalid_crc'], [0x1c000021, 'nca_s_fault_user_defined'], [0x1c000022, 'nca_s_fault_tx_open_failed'],
  [0x1c000023, 'nca_s_fault_codeset_conv_error'], [0x1c000024, 'nca_s_fault_object_not_found'], [0x1c000025, 'nca_s_fault_no_client_stub'],
  [0x1c010001, 'nca_s_comm_failure'], [0x1c010002, 'nca_s_op_rng_error'], [0x1c010003, 'nca_s_unk_if'], [0x1c010006, 'nca_s_wrong_boot_time'], [0x1c010009, 'nca_s_you_crashed'],
  [0x1c01000b, 'nca_s_proto_error'], [0x1c010013, 'nca_s_out_args_too_big'], [0x1c010014, 'nca_s_server_too_busy'], [0x1c010015, 'nca_s_fault_string_too_long'], [0x1c010017, 'nca_s_unsupported_type'],
];

/** WinINet codes, which Windows Update passes on as 0x80072exx; [MS-ERREF] leaves them out. */
export const winInet: readonly (readonly [value: number, name: string])[] = [
  [12002, 'ERROR_INTERNET_TIMEOUT'], [12005, 'ERROR_INTERNET_INVALID_URL'], [12007, 'ERROR_INTERNET_NAME_NOT_RESOLVED'], [12017, 'ERROR_INTERNET_OPERATION_CANCELLED'],
  [12029, 'ERROR_INTERNET_CANNOT_CONNECT'], [12030, 'ERROR_INTERNET_CONNECTION_ABORTED'], [12031, 'ERROR_INTERNET_CONNECTION_RESET'], [12037, 'ERROR_INTERNET_SEC_CERT_DATE_INVALID'],
  [12038, 'ERROR_INTERNET_SEC_CERT_CN_INVALID'], [12044, 'ERROR_INTERNET_CLIENT_AUTH_CERT_NEEDED'], [12045, 'ERROR_INTERNET_INVALID_CA'], [12150, 'ERROR_HTTP_HEADER_NOT_FOUND'],
  [12152, 'ERROR_HTTP_INVALID_SERVER_RESPONSE'], [12175, 'ERROR_INTERNET_DECODING_FAILED'], [12178, 'ERROR_INTERNET_AUTODIAL_FAILED'],
];
