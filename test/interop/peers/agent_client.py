"""A late-bound update client on impacket: the sequence that real third-party clients send, printed as one JSON object.

Usage: agent_client.py HOST PORT USER PASSWORD LEVEL [ping] [remote] [kdc=ADDRESS]   (LEVEL: integrity or privacy; ping: now, not in two minutes;
remote: activates through IActivation::RemoteActivation; kdc: signs in with Kerberos)
"""
import json
import sys

from impacket.dcerpc.v5.dcom.oaut import IDispatch, IID_IDispatch, VARENUM
from impacket.dcerpc.v5.dcomrt import DCOMConnection, IActivation
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY
from impacket.uuid import string_to_bin

from late import Thing, resolve_at, variant

CLSID = string_to_bin('4CB43D7F-7EEE-4906-8698-60DA1C38F2FE')


def main():
    host, port, user, password, level = sys.argv[1:6]
    resolve_at(host, port)
    levels = {'integrity': RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, 'privacy': RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
    kdc = next((arg[4:] for arg in sys.argv[6:] if arg.startswith('kdc=')), None)
    dcom = DCOMConnection(host, user, password, 'CONTOSO' if kdc is None else 'CONTOSO.TEST', authLevel=levels[level], oxidResolver=True,
                          doKerberos=kdc is not None, kdcHost=kdc)
    try:
        if 'remote' in sys.argv[6:]:
            made = IActivation(dcom.get_dce_rpc()).RemoteActivation(CLSID, IID_IDispatch)
        else:
            made = dcom.CoCreateInstanceEx(CLSID, IID_IDispatch)
        session = Thing(IDispatch(made))
        searcher = session.call('CreateUpdateSearcher')
        searcher.put('Online', variant(VARENUM.VT_BOOL, 0xffff))
        online = searcher.get('Online')
        searcher.put('ServerSelection', variant(VARENUM.VT_I4, 2))
        selection = searcher.get('ServerSelection')
        searcher.put('CanAutomaticallyUpgradeService', variant(VARENUM.VT_BOOL, 0))
        upgrade = searcher.get('CanAutomaticallyUpgradeService')
        result = searcher.call('Search', variant(VARENUM.VT_BSTR, 'IsInstalled=0'))
        code = result.get('ResultCode')
        found = result.get('Updates')
        count = found.get('Count')
        updates = []
        for index in range(min(count, 4)):
            update = found.get('Item', variant(VARENUM.VT_I4, index))
            categories = update.get('Categories')
            kb = update.get('KBArticleIDs')
            bulletins = update.get('SecurityBulletinIDs')
            updates.append({
                'title': update.get('Title'), 'severity': update.get('MsrcSeverity'), 'type': update.get('Type'), 'changed': update.get('LastDeploymentChangeTime'),
                'categories': [categories.get('Item', variant(VARENUM.VT_I4, i)).get('Name') for i in range(categories.get('Count'))],
                'kb': [kb.get('Item', variant(VARENUM.VT_I4, i)) for i in range(kb.get('Count'))],
                'bulletins': [bulletins.get('Item', variant(VARENUM.VT_I4, i)) for i in range(bulletins.get('Count'))],
            })
        if 'ping' in sys.argv[6:]:
            # The first makes a ping set, the next names it.
            for _ in range(2):
                DCOMConnection.PINGTIMER.cancel()
                DCOMConnection.pingServer()
        print(json.dumps({'online': online, 'selection': selection, 'upgrade': upgrade, 'code': code, 'count': count, 'updates': updates}))
    finally:
        dcom.disconnect()


main()
