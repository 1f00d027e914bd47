"""NtChallengeResponses of Samba's client: JSON on stdin (users, domain, password, challenge), a JSON list of hex on stdout."""
import json
import sys

from samba.credentials import CLI_CRED_NTLMv2_AUTH, Credentials
from samba.param import LoadParm

job = json.load(sys.stdin)
credentials = Credentials()
credentials.guess(LoadParm())
credentials.set_password(job["password"])
credentials.set_domain(job["domain"])
made = []
for user in job["users"]:
    credentials.set_username(user)
    made.append(
        credentials.get_ntlm_response(
            flags=CLI_CRED_NTLMv2_AUTH, challenge=bytes.fromhex(job["challenge"]), target_info=b"\0\0\0\0"
        )["nt_response"].hex()
    )
json.dump(made, sys.stdout)
