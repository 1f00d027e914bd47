"""Per-message tokens of impacket's Kerberos mechanism: reads one JSON object a line, writes one a line.

In: {"etype", "key", "sequence", "data"} (hexadecimal). Out: {"sealed", "wrap", "mic"}.
"""
import json
import sys

from impacket.krb5.crypto import Key
from impacket.krb5.gssapi import GSSAPI

for line in sys.stdin:
    job = json.loads(line)
    key = Key(job['etype'], bytes.fromhex(job['key']))

    class Cipher:
        enctype = job['etype']

    gss = GSSAPI(Cipher)
    data = bytes.fromhex(job['data'])
    sealed, wrap = gss.GSS_Wrap(key, data, job['sequence'])
    mic = gss.GSS_GetMIC(key, data, job['sequence'])
    print(json.dumps({'sealed': sealed.hex(), 'wrap': wrap.hex(), 'mic': mic.hex()}))
