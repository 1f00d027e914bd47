import { readSecrets } from '../cli/secrets.js';
import type { SecretList } from '../security/secrets.js';

/** Secrets by the words and files that the options of the commands take; docs/keys.md. */
export interface SecretSources {
  /** `USER:PASSWORD`, a password of any user, or `@FILE` with one a line. */
  readonly passwords?: readonly string[];
  /** `USER:HEX`, or `@FILE`. */
  readonly ntHashes?: readonly string[];
  /** Files. */
  readonly keytabs?: readonly string[];
  readonly ccaches?: readonly string[];
  /** A key log. */
  readonly keys?: string;
}

/** Reads secrets. @throws UsageError, which never quotes one */
export function secrets({ passwords, ntHashes, keytabs, ccaches, keys }: SecretSources): SecretList {
  return readSecrets(
    {
      ...(passwords === undefined ? {} : { password: passwords }),
      ...(ntHashes === undefined ? {} : { ntHash: ntHashes }),
      ...(keytabs === undefined ? {} : { keytab: keytabs }),
      ...(ccaches === undefined ? {} : { ccache: ccaches }),
      ...(keys === undefined ? {} : { keys }),
    },
    {},
  );
}
