declare module 'js-md4' {
  const md4: { arrayBuffer(bytes: Uint8Array): ArrayBuffer };
  export default md4;
}
