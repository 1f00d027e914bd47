"""Samba's RPC client against a server's management interface: asks three times whether it listens, and for its interfaces.

Arguments: host, port, user, password, binding options (spnego,seal). Prints JSON.
"""
import json
import sys

from samba import param
from samba.credentials import Credentials, DONT_USE_KERBEROS
from samba.dcerpc import mgmt

host, port, user, password, options = sys.argv[1:]
lp = param.LoadParm()
lp.load_default()
creds = Credentials()
creds.guess(lp)
creds.set_username(user)
creds.set_password(password)
creds.set_domain('')
creds.set_kerberos_state(DONT_USE_KERBEROS)

try:
    client = mgmt.mgmt('ncacn_ip_tcp:%s[%s,%s]' % (host, port, options), lp, creds)
    listening = [client.is_server_listening() for _ in range(3)]
    ids = client.inq_if_ids()
    print(json.dumps({'listening': [str(one) for one in listening], 'interfaces': [str(one.id.uuid) for one in ids.if_id]}))
except Exception as error:
    print(json.dumps({'error': str(error)}))
