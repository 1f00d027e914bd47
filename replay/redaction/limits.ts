/** What redaction takes for a name, and how it is found again, in UTF-16 units; docs/limits.md. */
export const REDACTION_LIMITS = {
  /** A shorter text in a field of names is no name of anything, and stays. */
  name: 2,
  /** A shorter first label of a host's name (`go.example.org`) says nothing of a machine: alone it stays. */
  label: 4,
  /** A shorter name is replaced only where it stands apart from letters and digits, and is not looked for in bytes. */
  short: 5,
  /** Free text so long is replaced wherever a value is that text; shorter only where its field says what it is. */
  text: 12,
} as const;
